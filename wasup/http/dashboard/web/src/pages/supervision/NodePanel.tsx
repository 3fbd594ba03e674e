/** One supervisor or actor: how it is, its ends with their tracebacks, and restarting it by hand. */

import { api, unwrap } from "../../api/client";
import type { ActorNode, Exit } from "../../api/types";
import { ActorBadge, Badge } from "../../components/Badge";
import { confirmed } from "../../components/Confirm";
import { Icon } from "../../components/Icon";
import { ErrorNote, Loading } from "../../components/Notes";
import { Moment } from "../../components/Time";
import { bytes, count, duration, words } from "../../lib/format";
import { useInterval, useResource } from "../../lib/resource";
import { accountOf } from "../../lib/supervision";
import { useEvents } from "../../state/live";
import { attempt } from "../../state/toasts";
import { Happenings } from "./Happenings";

const POLL = 4; // seconds

function Facts({ node }: { node: ActorNode }) {
  const { mailbox, figures = {} } = node;
  const facts: [string, string][] = [
    ["Type", node.type],
    ["Incarnation", count(node.incarnation)],
    ["Restarts", count(node.restarts)],
    ["Up", node.up_seconds === null ? "not up" : duration(node.up_seconds)],
  ];
  if (node.backoff_seconds !== undefined && node.backoff_seconds !== null) {
    facts.push(["Started again in", duration(node.backoff_seconds)]);
  }
  if (mailbox) {
    const room = mailbox.capacity === null ? "" : ` of ${count(mailbox.capacity)}`;
    facts.push(
      ["Mailbox", `${count(mailbox.depth)}${room}, ${count(mailbox.high_water)} at most`],
      ["Handled", `${count(mailbox.handled)} in ${duration(mailbox.handler_seconds)}, ${count(mailbox.dropped)} dropped`],
    );
  }
  for (const [name, value] of Object.entries(figures ?? {})) {
    facts.push([words(name), name === "memory" ? bytes(value) : count(value)]);
  }
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Exits({ exits }: { exits: readonly Exit[] }) {
  if (exits.length === 0) return <p class="muted">It has never ended.</p>;
  return (
    <ol class="exits">
      {[...exits].reverse().map((exit) => (
        <li key={`${exit.incarnation}-${exit.at}`}>
          <Badge state={exit.kind === "crash" || exit.kind === "killed" ? "crashed" : "stopped"} label={exit.kind} />{" "}
          {exit.reason !== exit.kind && exit.reason}
          <small class="muted">
            <Moment at={exit.at} />, incarnation {exit.incarnation}, after {duration(exit.uptime_seconds)}
          </small>
          {exit.traceback && (
            <details>
              <summary>Traceback</summary>
              {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable */}
              <pre tabIndex={0} aria-label="Traceback">
                {exit.traceback}
              </pre>
            </details>
          )}
        </li>
      ))}
    </ol>
  );
}

export function NodePanel({ path, onClose }: { path: string; onClose: () => void }) {
  const params = { path: { path } };
  const shown = useResource(path, () => unwrap(api.GET("/api/actors/{path}", { params })));
  useInterval(POLL, shown.reload);
  useEvents(["supervision"], (frame) => {
    if (frame.event !== "supervision" || frame.data.path === path) shown.reload();
  });
  const restart = async (): Promise<void> => {
    const text = "It is killed where it stands, as by a crash, and its supervisor starts it again.";
    if (!(await confirmed(`Restart ${path}?`, text, "Restart"))) return;
    await attempt(() => unwrap(api.POST("/api/actors/{path}/restart", { params })), "Killed; it is being restarted.");
  };
  const node = shown.data;
  const account = accountOf(path);
  return (
    <section class="card panel" aria-label="Selected actor">
      <header class="panel-head">
        <h2 class="mono">{path}</h2>
        <button type="button" class="quiet icon-only" aria-label="Close the details" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <ErrorNote text={shown.error} onRetry={shown.reload} />
      {!node && shown.loading && <Loading />}
      {node && (
        <>
          <div class="actions">
            <ActorBadge node={node} />
            {path.includes("/") && (
              <button type="button" class="small" onClick={() => void restart()}>
                <Icon name="restart" /> Restart
              </button>
            )}
            {account !== null && <a href={`/dashboard/accounts/${account}/health`}>Account {account}</a>}
          </div>
          <Facts node={node} />
          <h3>History of ends</h3>
          <Exits exits={node.exits ?? []} />
          <h3>Events</h3>
          <Happenings below={path} />
        </>
      )}
    </section>
  );
}
