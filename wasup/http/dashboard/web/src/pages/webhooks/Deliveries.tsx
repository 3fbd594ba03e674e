/** Attempts at deliveries: all that failed, and a sample of the others. */

import { useState } from "preact/hooks";
import { api, unwrap } from "../../api/client";
import type { Endpoint } from "../../api/types";
import { Badge } from "../../components/Badge";
import { More } from "../../components/More";
import { Ago } from "../../components/Time";
import { count, duration } from "../../lib/format";
import { useInterval, usePages } from "../../lib/resource";
import { replay } from "./replay";

const POLL = 5; // seconds
const PAGE = 25;

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
        <table class="cards">
          <caption class="hidden">Deliveries</caption>
          <thead>
            <tr>
              <th scope="col">Event</th>
              <th scope="col">Outcome</th>
              <th scope="col">Account</th>
              <th scope="col">Try</th>
              <th scope="col">Took</th>
              <th scope="col">When</th>
              <th scope="col">
                <span class="hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {pages.rows.map((row) => (
              <tr key={row.id}>
                <th scope="row" class="mono">
                  {row.event_id}
                  {row.events > 1 && <small class="muted"> and {count(row.events - 1)} more</small>}
                </th>
                <td data-label="Outcome">
                  <Badge state={row.outcome} /> <small class="muted">{row.detail}</small>
                  {row.replay && <small class="muted"> replay</small>}
                </td>
                <td data-label="Account">{row.account_id}</td>
                <td data-label="Try">{row.attempt}</td>
                <td data-label="Took">{duration(row.seconds)}</td>
                <td data-label="When">
                  <Ago at={row.at} />
                </td>
                <td class="row-actions">
                  <button
                    type="button"
                    class="quiet small"
                    aria-label={`Replay event ${row.event_id}`}
                    onClick={() => void replay(endpoint.id, { event_ids: [row.event_id] }).then((done) => done && onReplay())}
                  >
                    Replay
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {pages.rows.length === 0 && !pages.loading && !pages.error && <p class="muted">None yet.</p>}
      <More pages={pages} what="deliveries" />
    </section>
  );
}
