/** One endpoint: what it got, what was given up, and having it delivered again. */

import { useLocation, useRoute } from "preact-iso";
import { useState } from "preact/hooks";
import { api, unwrap } from "../api/client";
import type { Endpoint } from "../api/types";
import { Badge } from "../components/Badge";
import { ErrorNote, Loading } from "../components/Notes";
import { Page } from "../components/Page";
import { Tile } from "../components/Tile";
import { Ago } from "../components/Time";
import { count } from "../lib/format";
import { useInterval, useResource } from "../lib/resource";
import { Deliveries } from "./webhooks/Deliveries";
import { DeadLetters } from "./webhooks/DeadLetters";
import { EndpointActions } from "./webhooks/EndpointActions";
import { ReplayForm } from "./webhooks/ReplayForm";

const POLL = 5; // seconds

function Figures({ endpoint, waiting, dead }: { endpoint: Endpoint; waiting: number; dead: number }) {
  return (
    <dl class="tiles" aria-label="Figures of the endpoint">
      <Tile label="Waiting" value={count(waiting)} note="deliveries" />
      <Tile label="Dead letters" value={count(dead)} note="given up" tone={dead > 0 ? "bad" : undefined} />
      <Tile
        label="Failing"
        value={endpoint.failing_since === null ? "No" : "Yes"}
        note={endpoint.failing_since === null ? "no delivery is being tried again" : <Ago at={endpoint.failing_since} />}
        tone={endpoint.failing_since === null ? undefined : "warn"}
      />
      <Tile label="Events" value={endpoint.events.length === 0 ? "All" : count(endpoint.events.length)} note={endpoint.events.join(", ")} />
    </dl>
  );
}

export function EndpointPage() {
  const id = Number(useRoute().params["id"]);
  const { route } = useLocation();
  const [round, setRound] = useState(0);
  const shown = useResource(id, () =>
    unwrap(api.GET("/api/webhook-endpoints/{endpoint_id}", { params: { path: { endpoint_id: id } } })),
  );
  const refresh = (): void => {
    shown.reload();
    setRound((old) => old + 1);
  };
  useInterval(POLL, shown.reload);
  if (!shown.data) {
    return (
      <Page title={`Endpoint ${id}`}>
        {shown.error ? <ErrorNote text={shown.error} onRetry={shown.reload} /> : <Loading />}
      </Page>
    );
  }
  const { endpoint, waiting, dead_letters: dead } = shown.data;
  return (
    <Page
      title={`Endpoint ${endpoint.id}`}
      lead={
        <>
          <Badge state={endpoint.state} /> <span class="mono url">{endpoint.url}</span>{" "}
          <span class="muted">{endpoint.disabled_reason}</span>
        </>
      }
      actions={<EndpointActions endpoint={endpoint} onChange={refresh} onDelete={() => route("/dashboard/webhooks")} />}
    >
      <Figures endpoint={endpoint} waiting={waiting} dead={dead} />
      {endpoint.old_secret_until !== null && endpoint.old_secret_until > Date.now() && (
        <p class="note">
          Deliveries carry a second signature, of the old secret, until <Ago at={endpoint.old_secret_until} />.
        </p>
      )}
      <DeadLetters key={`dead-${round}-${dead}`} endpoint={endpoint} onReplay={refresh} />
      <Deliveries key={`deliveries-${round}`} endpoint={endpoint} onReplay={refresh} />
      <ReplayForm endpoint={endpoint} onReplay={refresh} />
    </Page>
  );
}
