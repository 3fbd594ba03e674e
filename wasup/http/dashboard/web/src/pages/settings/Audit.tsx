import { api, unwrap } from "../../api/client";
import { More } from "../../components/More";
import { Table } from "../../components/Table";
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
        <Table
          label="Audit log"
          rows={pages.rows}
          columns={[
            { name: "Change", cell: (entry) => words(entry.action) },
            { name: "What", class: "mono", cell: (entry) => entry.path },
            { name: "Answer", cell: (entry) => entry.status },
            { name: "Key", cell: (entry) => entry.key_id },
            { name: "From", cell: (entry) => entry.address },
            { name: "When", cell: (entry) => <Moment at={entry.at} /> },
          ]}
        />
      )}
      {pages.rows.length === 0 && !pages.loading && !pages.error && <p class="muted">Nothing was changed yet.</p>}
      <More pages={pages} what="changes" />
    </section>
  );
}
