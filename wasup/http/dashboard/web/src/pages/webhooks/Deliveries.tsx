/** Attempts at deliveries: all that failed, and a sample of the others. */

import { useState } from "preact/hooks";
import { api, unwrap } from "../../api/client";
import type { Endpoint } from "../../api/types";
import { Badge } from "../../components/Badge";
import { More } from "../../components/More";
import { Table } from "../../components/Table";
import { Ago } from "../../components/Time";
import { count, duration } from "../../lib/format";
import { useInterval, usePages } from "../../lib/resource";
import { replay } from "./replay";

const POLL = 5; // seconds
const PAGE = 10;

interface DeliveriesProps {
  endpoint: Endpoint;
  onReplay: () => void;
}

export function Deliveries({ endpoint, onReplay }: DeliveriesProps) {
  const [failed, setFailed] = useState(false);
  const pages = usePages(failed, (cursor) =>
    unwrap(
      api.GET("/api/webhook-endpoints/{endpoint_id}/deliveries", {
        params: {
          path: { endpoint_id: endpoint.id },
          query: { limit: PAGE, ...(failed && { failed }), ...(cursor && { cursor }) },
        },
      }),
    ),
  );
  useInterval(POLL, () => pages.rows.length <= PAGE && pages.reload());
  return (
    <section class="card" aria-labelledby="deliveries-title">
      <header class="card-head">
        <h2 id="deliveries-title">Deliveries</h2>
        <label class="check">
          <input type="checkbox" checked={failed} onChange={(event) => setFailed(event.currentTarget.checked)} />
          Only failed
        </label>
      </header>
      {pages.rows.length > 0 && (
        <Table
          label="Deliveries"
          rows={pages.rows}
          columns={[
            {
              name: "Event",
              class: "mono",
              cell: (row) => (
                <>
                  {row.event_id}
                  {row.events > 1 && <small class="muted"> and {count(row.events - 1)} more</small>}
                </>
              ),
            },
            {
              name: "Outcome",
              cell: (row) => (
                <>
                  <Badge state={row.outcome} /> <small class="muted">{row.detail}</small>
                  {row.replay && <small class="muted"> replay</small>}
                </>
              ),
            },
            { name: "Account", cell: (row) => row.account_id },
            { name: "Try", cell: (row) => row.attempt },
            { name: "Took", cell: (row) => duration(row.seconds) },
            { name: "When", cell: (row) => <Ago at={row.at} /> },
            {
              name: null,
              cell: (row) => (
                <button
                  type="button"
                  class="quiet small"
                  aria-label={`Replay event ${row.event_id}`}
                  onClick={() => void replay(endpoint.id, { event_ids: [row.event_id] }).then((done) => done && onReplay())}
                >
                  Replay
                </button>
              ),
            },
          ]}
        />
      )}
      {pages.rows.length === 0 && !pages.loading && !pages.error && <p class="muted">None yet.</p>}
      <More pages={pages} what="deliveries" />
    </section>
  );
}
