/** What supervision events mean for the state that an actor is shown in. */

import type { ActorNode, Happening } from "../api/types";

/** The state that an actor is in after this event; null where the event says nothing of it. */
export function stateAfter({ kind, exit }: Happening): string | null {
  switch (kind) {
    case "started":
    case "restarted":
      return "running";
    case "ended":
      return exit === "crash" || exit === "killed" ? "crashed" : "stopped";
    case "start_failed":
    case "stop_timed_out":
      return "crashed";
    case "backoff":
      return "backoff";
    case "child_gave_up":
    case "gave_up":
      return "gave_up";
    default:
      return null;
  }
}

/** The account that a path belongs to: `root/accounts/42/session` is of 42. */
export function accountOf(path: string): number | null {
  const found = /\/accounts\/(?:[^/]+\/)*?(\d+)(?:\/|$)/.exec(path);
  return found ? Number(found[1]) : null;
}

/** The path above; empty for the root. */
export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

/** Whether it is down because it is done or was stopped, which is no trouble. */
export const isAtRest = (node: Pick<ActorNode, "state" | "last_exit">): boolean =>
  node.state === "down" && node.last_exit?.kind !== "crash" && node.last_exit?.kind !== "killed";
