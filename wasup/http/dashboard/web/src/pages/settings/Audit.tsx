import { api, unwrap } from "../../api/client";
import { More } from "../../components/More";
import { Moment } from "../../components/Time";
import { words } from "../../lib/format";
import { usePages } from "../../lib/resource";

export function Audit() {
  const pages = usePages("audit", (cursor) =>
    unwrap(api.GET("/api/audit", { params: { query: { limit: 25, ...(cursor && { cursor }) } } })),
  );
  return (
    <section class="card" aria-labelledby="audit-title">
      <h2 id="audit-title">Audit log</h2>
      {pages.rows.length > 0 && (
        <table class="cards">
          <caption class="hidden">Audit log</caption>
          <thead>
            <tr>
              <th scope="col">Change</th>
              <th scope="col">What</th>
              <th scope="col">Answer</th>
              <th scope="col">Key</th>
              <th scope="col">From</th>
              <th scope="col">When</th>
            </tr>
          </thead>
          <tbody>
            {pages.rows.map((entry) => (
              <tr key={entry.id}>
                <th scope="row">{words(entry.action)}</th>
                <td data-label="What" class="mono">
                  {entry.path}
                </td>
                <td data-label="Answer">{entry.status}</td>
                <td data-label="Key">{entry.key_id}</td>
                <td data-label="From">{entry.address}</td>
                <td data-label="When">
                  <Moment at={entry.at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {pages.rows.length === 0 && !pages.loading && !pages.error && <p class="muted">Nothing was changed yet.</p>}
      <More pages={pages} what="changes" />
    </section>
  );
}
