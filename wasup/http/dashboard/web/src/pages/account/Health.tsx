/** How an account is and was: its actors and what they use, what it has handled, and every change of its state. */

import { api, unwrap } from "../../api/client";
import type { Account, AccountHealth } from "../../api/types";
import { ActorBadge } from "../../components/Badge";
import { ErrorNote, Loading } from "../../components/Notes";
import { Tile } from "../../components/Tile";
import { ago, bytes, count, counted, duration, words } from "../../lib/format";
import { useInterval, useResource } from "../../lib/resource";
import { useEvents } from "../../state/live";
import { can } from "../../state/session";
import { Timeline } from "./Timeline";

const POLL = 5; // seconds

const FIGURES: Readonly<Record<string, (value: number) => string>> = {
  memory: bytes,
  cpu_seconds: duration,
};

function Actors({ actors }: { actors: AccountHealth["actors"] }) {
  if (actors.length === 0) return <p class="muted">None run: they start when the account is connected.</p>;
  return (
    <ul class="actors">
      {actors.map((actor) => (
        <li key={actor.path}>
          {can("manage") ? (
            <a class="mono" href={`/dashboard/supervision?path=${encodeURIComponent(actor.path)}`}>
              {actor.id}
            </a>
          ) : (
            <span class="mono">{actor.id}</span>
          )}
          <ActorBadge node={actor} />
          <span class="muted">
            {actor.up_seconds !== null && `up ${duration(actor.up_seconds)}, `}
            {counted(actor.restarts, "restart")}
            {actor.mailbox && `, ${count(actor.mailbox.depth)} in the mailbox, ${count(actor.mailbox.handled)} handled`}
            {Object.entries(actor.figures ?? {}).map(
              ([name, value]) => `, ${words(name)} ${(FIGURES[name] ?? count)(value)}`,
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

const lastOf = ({ last_connected_at: at }: AccountHealth): string => (at === null ? "never" : ago(at));

export function Health({ account }: { account: Account }) {
  const params = { path: { account_id: account.id } };
  const health = useResource(account.id, () => unwrap(api.GET("/api/accounts/{account_id}/health", { params })));
  const stats = useResource(account.id, () => unwrap(api.GET("/api/accounts/{account_id}/statistics", { params })));
  const refresh = (): void => {
    health.reload();
    stats.reload();
  };
  useInterval(POLL, refresh);
  useEvents(["account.status"], refresh, account.id);
  const now = health.data;
  return (
    <>
      <ErrorNote text={health.error || stats.error} onRetry={refresh} />
      {!now && health.loading && <Loading />}
      {now && stats.data && (
        <dl class="tiles" aria-label="Figures of the account">
          <Tile
            label="Health"
            value={now.healthy ? "Healthy" : "In trouble"}
            note={`wanted: ${now.desired}`}
            tone={now.healthy ? undefined : "bad"}
          />
          <Tile label="Messages in" value={count(stats.data.messages_in)} note={`${count(stats.data.unread)} unread`} />
          <Tile label="Messages out" value={count(stats.data.messages_out)} />
          <Tile label="Chats" value={count(stats.data.chats)} />
          <Tile
            label="In this state"
            value={duration((Date.now() - now.status_since) / 1000)}
            note={now.status === "connected" ? "connected" : `${words(now.status)}, last connected ${lastOf(now)}`}
          />
        </dl>
      )}
      {now && (
        <section class="card" aria-labelledby="actors-title">
          <h2 id="actors-title">Actors and resources</h2>
          <Actors actors={now.actors} />
        </section>
      )}
      <Timeline account={account} />
    </>
  );
}
