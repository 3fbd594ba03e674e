/** Where events go: the endpoints of the workspace, or of all. */

import { useState } from "preact/hooks";
import { api, unwrap } from "../api/client";
import { Badge } from "../components/Badge";
import { Icon } from "../components/Icon";
import { Empty, ErrorNote, Loading } from "../components/Notes";
import { Page } from "../components/Page";
import { Table } from "../components/Table";
import { Ago } from "../components/Time";
import { useResource } from "../lib/resource";
import { useEvents } from "../state/live";
import { can } from "../state/session";
import { EndpointForm } from "./webhooks/EndpointForm";

function Endpoints({ adding, onClose }: { adding: boolean; onClose: () => void }) {
  const endpoints = useResource("endpoints", () => unwrap(api.GET("/api/webhook-endpoints")));
  useEvents(["webhook.disabled"], endpoints.reload);
  const rows = endpoints.data?.data ?? [];
  return (
    <>
      <ErrorNote text={endpoints.error} onRetry={endpoints.reload} />
      {!endpoints.data && endpoints.loading && <Loading />}
      {endpoints.data && rows.length === 0 && (
        <Empty title="No endpoints yet">
          <p>Add one, and whatever happens is sent to your back end: signed, in order, and again until it is taken.</p>
        </Empty>
      )}
      {rows.length > 0 && (
        <Table
          label="Webhook endpoints"
          rows={rows}
          columns={[
            {
              name: "Address",
              class: "url",
              cell: (endpoint) => <a href={`/dashboard/webhooks/${endpoint.id}`}>{endpoint.url}</a>,
            },
            {
              name: "State",
              cell: (endpoint) => (
                <>
                  <Badge state={endpoint.state} />
                  {endpoint.disabled_reason && <small class="muted"> {endpoint.disabled_reason}</small>}
                </>
              ),
            },
            { name: "Events", cell: ({ events }) => (events.length === 0 ? "all" : events.join(", ")) },
            { name: "Format", cell: (endpoint) => endpoint.format },
            {
              name: "Failing since",
              cell: ({ failing_since: since }) => (since === null ? <span class="muted">–</span> : <Ago at={since} />),
            },
          ]}
        />
      )}
      {adding && <EndpointForm onClose={onClose} onSaved={endpoints.reload} />}
    </>
  );
}

export function WebhooksPage() {
  const [adding, setAdding] = useState(false);
  const allowed = can("manage");
  return (
    <Page
      title="Webhooks"
      lead="Your back end hears of everything, once and in order."
      actions={
        allowed && (
          <button type="button" onClick={() => setAdding(true)}>
            <Icon name="plus" /> Add endpoint
          </button>
        )
      }
    >
      {allowed ? (
        <Endpoints adding={adding} onClose={() => setAdding(false)} />
      ) : (
        <ErrorNote text="This page needs a key with the scope “manage”." />
      )}
    </Page>
  );
}
