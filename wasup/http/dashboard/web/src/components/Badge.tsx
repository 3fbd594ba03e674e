/** A state as a coloured dot and in words: nobody has to tell colours apart. */

import type { ActorNode } from "../api/types";
import { words } from "../lib/format";
import { isAtRest } from "../lib/supervision";

export type Tone = "good" | "busy" | "warn" | "bad" | "idle";

const TONES: Readonly<Record<string, Tone>> = {
  // accounts
  connected: "good", authenticated: "good", starting: "busy", qr_scanning: "busy", reconnecting: "warn",
  disconnecting: "busy", disconnected: "idle", needs_pairing: "warn", suspended: "warn", banned: "bad", failed: "bad",
  // actors
  running: "good", stopping: "busy", backoff: "warn", restarting: "warn", crashed: "bad", gave_up: "bad", stopped: "idle",
  down: "bad", stop_timed_out: "bad",
  // webhook endpoints, deliveries, keys
  active: "good", paused: "warn", disabled: "bad", delivered: "good", refused: "bad", gone: "bad", revoked: "bad",
  expired: "idle",
};

export const toneOf = (state: string): Tone => TONES[state] ?? "idle";

interface BadgeProps {
  state: string;
  label?: string;
  tone?: Tone;
}

export function Badge({ state, label, tone = toneOf(state) }: BadgeProps) {
  return (
    <span class={`badge ${tone}`} data-state={state}>
      {label ?? words(state)}
    </span>
  );
}

/** An actor's state; being down is no trouble for one that is done or was stopped. */
export function ActorBadge({ node, crashed }: { node: Pick<ActorNode, "state" | "last_exit">; crashed?: boolean }) {
  if (crashed) return <Badge state="crashed" />;
  return <Badge state={node.state} {...(isAtRest(node) && { tone: "idle" as const })} />;
}
