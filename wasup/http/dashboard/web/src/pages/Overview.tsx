/** The whole instance at a glance; figures every few seconds, changes at once. */

import { useLocation } from "preact-iso";
import { fetchOverview } from "../api/client";
import type { Overview, OverviewPoint as Point } from "../api/types";
import { Chart } from "../components/Chart";
import { ErrorNote, Loading } from "../components/Notes";
import { Page } from "../components/Page";
import { Tile } from "../components/Tile";
import { WorkspaceFilter, workspaceIn } from "../components/WorkspaceField";
import { count, counted, duration, milliseconds, perSecond } from "../lib/format";
import { useInterval, useResource } from "../lib/resource";
import { can } from "../state/session";
import { Activity } from "./overview/Activity";
import { FirstSteps } from "./overview/FirstSteps";
import { StatusBar } from "./overview/StatusBar";

const POLL = 3; // seconds

function Tiles({ now }: { now: Overview }) {
  const { rates, latency_ms: latency, queues, restarts } = now;
  const connected = now.accounts.by_status["connected"] ?? 0;
  return (
    <dl class="tiles" aria-label="Figures">
      <Tile label="Connected" value={count(connected)} note={`of ${counted(now.accounts.total, "account")}`} />
      <Tile label="Messages in" value={perSecond(rates.messages_in)} note="per second" />
      <Tile label="Messages out" value={perSecond(rates.messages_out)} note="per second" />
      <Tile label="Events" value={perSecond(rates.events)} note="per second" />
      <Tile
        label="Commit latency"
        value={milliseconds(latency.commit_p99)}
        note={`p99, median ${milliseconds(latency.commit_p50)}`}
      />
      <Tile
        label="Webhook latency"
        value={milliseconds(latency.webhook_p99)}
        note={`p99, ${perSecond(rates.deliveries)} deliveries per second`}
      />
      <Tile
        label="Restarts"
        value={count(restarts.last_hour)}
        note={`in the last hour, ${count(restarts.total)} in all`}
        tone={restarts.last_hour > 0 ? "warn" : undefined}
      />
      <Tile
        label="To be delivered"
        value={count(queues.outbox)}
        note={
          <>
            events,{" "}
            {can("manage") ? (
              <a href="/dashboard/webhooks">{counted(queues.dead_letters, "dead letter")}</a>
            ) : (
              counted(queues.dead_letters, "dead letter")
            )}
          </>
        }
        tone={queues.dead_letters > 0 ? "bad" : undefined}
      />
      <Tile
        label="To be stored"
        value={count(queues.unacknowledged)}
        note={`messages, ${count(queues.writer_mailbox)} in the writers`}
      />
      <Tile
        label="Process"
        value={`${count(Math.round(now.memory_mb))} MB`}
        note={`${count(Math.round(now.cpu * 100))}% of a core, up ${duration(now.uptime_seconds)}`}
      />
    </dl>
  );
}

function Charts({ points }: { points: Point[] }) {
  const times = points.map((point) => point.at / 1000);
  const line = (name: string, colour: string, pick: (point: Point) => number | null) => ({
    name,
    colour,
    values: points.map(pick),
  });
  return (
    <div class="charts">
      <Chart
        title="Messages"
        unit="/s"
        times={times}
        format={perSecond}
        lines={[
          line("in", "--series-a", (point) => point.messages_in),
          line("out", "--series-b", (point) => point.messages_out),
        ]}
      />
      <Chart
        title="Commit latency, p99"
        unit="ms"
        times={times}
        format={perSecond}
        lines={[line("p99", "--series-c", (point) => point.commit_p99)]}
      />
      <Chart
        title="Queues and restarts"
        unit=""
        times={times}
        format={perSecond}
        lines={[
          line("outbox", "--series-a", (point) => point.outbox),
          line("restarts", "--series-d", (point) => point.restarts),
        ]}
      />
    </div>
  );
}

export function OverviewPage() {
  const { query, route } = useLocation();
  const workspace = workspaceIn(query);
  const overview = useResource(workspace, () => fetchOverview(workspace));
  useInterval(POLL, overview.reload);
  const now = overview.data;
  return (
    <Page
      title="Overview"
      lead="Everything that runs here, as it is now."
      actions={
        <WorkspaceFilter
          value={workspace}
          onChange={(chosen) => route(`/dashboard/${chosen ? `?workspace=${chosen}` : ""}`, true)}
        />
      }
    >
      <ErrorNote text={overview.error} onRetry={overview.reload} />
      {!now && overview.loading && <Loading />}
      {now?.accounts.total === 0 && <FirstSteps emulator={now.emulator_url ?? null} />}
      {now && <Tiles now={now} />}
      {now && now.accounts.total > 0 && (
        <StatusBar total={now.accounts.total} byStatus={now.accounts.by_status} workspace={workspace} />
      )}
      {now && now.series.points.length > 1 && <Charts points={now.series.points} />}
      {workspace === undefined && <Activity />}
    </Page>
  );
}
