/** What is happening now: the newest changes of accounts and restarts, as the stream tells them, after the last crashes. */

import { useState } from "preact/hooks";
import { api, unwrap } from "../../api/client";
import type { Frame, Topic } from "../../api/stream";
import { Badge } from "../../components/Badge";
import { Ago } from "../../components/Time";
import { words } from "../../lib/format";
import { useResource } from "../../lib/resource";
import { stateAfter } from "../../lib/supervision";
import { useEvents } from "../../state/live";
import { can } from "../../state/session";

interface Entry {
  key: string;
  at: number;
  href: string;
  who: string;
  state: string;
  why: string;
}

const KEPT = 12;
const LOOKED_AT = 200; // events of supervision, most of which are no crash

function entryOf(frame: Frame): Entry | null {
  if (frame.event === "gap") return null;
  if (frame.event === "supervision") {
    const { number, path, kind, at, exit, reason } = frame.data;
    const state = stateAfter(frame.data);
    if (state === null || (kind === "ended" && exit !== "crash" && exit !== "killed")) return null;
    const href = `/dashboard/supervision?path=${encodeURIComponent(path)}`;
    return { key: `s${number}`, at, href, who: path.replace(/^root\//, ""), state, why: reason ?? words(kind) };
  }
  const { id, account_id, data, created_at } = frame.data;
  if (data.event !== "account.status") return null;
  const href = `/dashboard/accounts/${account_id}`;
  const why = data.detail || words(data.reason);
  return { key: id, at: created_at, href, who: `Account ${account_id}`, state: data.status, why };
}

/** What went wrong before this page was opened, as far as the key may see it. */
async function fetchBefore(): Promise<Entry[]> {
  if (!can("manage")) return [];
  const page = await unwrap(api.GET("/api/supervision/events", { params: { query: { limit: LOOKED_AT } } }));
  const entries = page.data.filter(({ kind }) => kind !== "started").map((data) => entryOf({ event: "supervision", data }));
  return entries.filter((entry) => entry !== null);
}

export function Activity() {
  const [news, setNews] = useState<Entry[]>([]);
  const before = useResource("activity", fetchBefore);
  const topics: Topic[] = can("manage") ? ["account.status", "supervision"] : ["account.status"];
  useEvents(topics, (frame) => {
    const entry = entryOf(frame);
    if (entry) setNews((old) => [entry, ...old.filter((one) => one.key !== entry.key)].slice(0, KEPT));
  });
  const known = new Set(news.map((one) => one.key));
  const entries = [...news, ...(before.data ?? []).filter((one) => !known.has(one.key))].slice(0, KEPT);
  return (
    <section class="card" aria-labelledby="activity">
      <h2 id="activity">Happening now</h2>
      {entries.length === 0 && !before.loading && <p class="muted">Nothing yet: changes of accounts and restarts appear here at once.</p>}
      {(before.data || before.error) && (
        <ol class="feed" aria-live="polite" aria-relevant="additions">
          {entries.map((entry) => (
            <li key={entry.key}>
              <a href={entry.href}>{entry.who}</a> <Badge state={entry.state} />
              <span class="why">{entry.why}</span>
              <small class="muted">
                <Ago at={entry.at} />
              </small>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
