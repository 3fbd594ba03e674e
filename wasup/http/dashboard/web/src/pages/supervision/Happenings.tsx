/** What supervision did lately, newest first: everywhere, or at and below a path. */

import { api, unwrap } from "../../api/client";
import type { Happening } from "../../api/types";
import { Badge } from "../../components/Badge";
import { More } from "../../components/More";
import { Ago } from "../../components/Time";
import { duration, words } from "../../lib/format";
import { usePages } from "../../lib/resource";
import { stateAfter } from "../../lib/supervision";
import { useEvents } from "../../state/live";

const PAGE = 30;
const KEPT = 200; // of those that came by the stream

function tellOf({ kind, exit, reason, seconds }: Happening): string {
  const parts = [words(kind)];
  if (exit) parts[0] = `${words(kind)}: ${exit}`;
  if (reason && reason !== exit) parts.push(reason);
  if (seconds !== undefined && seconds !== null) {
    parts.push(kind === "backoff" ? `again in ${duration(seconds)}` : `after ${duration(seconds)}`);
  }
  return parts.join(", ");
}

const isBelow = (path: string, below: string | undefined): boolean =>
  below === undefined || path === below || path.startsWith(`${below}/`);

export function Happenings({ below }: { below?: string }) {
  const pages = usePages(below, (cursor) =>
    unwrap(
      api.GET("/api/supervision/events", {
        params: { query: { limit: PAGE, ...(below && { below }), ...(cursor && { cursor }) } },
      }),
    ),
  );
  useEvents(["supervision"], (frame) => {
    if (frame.event !== "supervision") return pages.reload();
    const event = frame.data;
    if (!isBelow(event.path, below)) return;
    pages.set((old) => (old.some((one) => one.number === event.number) ? old : [event, ...old].slice(0, KEPT)));
  });
  return (
    <>
      <ol class="feed">
        {pages.rows.map((event) => {
          const state = stateAfter(event);
          return (
            <li key={event.number}>
              {below !== event.path && <span class="mono">{event.path}</span>}
              {state && <Badge state={state} />}
              <span class="why">{tellOf(event)}</span>
              <small class="muted">
                <Ago at={event.at} />
              </small>
            </li>
          );
        })}
      </ol>
      {pages.rows.length === 0 && !pages.loading && <p class="muted">Nothing that is still remembered.</p>}
      <More pages={pages} what="events" />
    </>
  );
}
