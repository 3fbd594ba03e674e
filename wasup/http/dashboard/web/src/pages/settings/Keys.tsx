import { useState } from "preact/hooks";
import { api, unwrap } from "../../api/client";
import type { KeyRecord } from "../../api/types";
import { Badge } from "../../components/Badge";
import { confirmed } from "../../components/Confirm";
import { Icon } from "../../components/Icon";
import { More } from "../../components/More";
import { Table } from "../../components/Table";
import { Moment } from "../../components/Time";
import { usePages } from "../../lib/resource";
import { attempt } from "../../state/toasts";
import { CreateKey } from "./CreateKey";

function stateOf(key: KeyRecord): string {
  if (key.revoked_at !== null) return "revoked";
  return key.expires_at !== null && key.expires_at <= Date.now() ? "expired" : "active";
}

export function Keys() {
  const [creating, setCreating] = useState(false);
  const pages = usePages("keys", (cursor) =>
    unwrap(api.GET("/api/keys", { params: { query: cursor ? { cursor } : {} } })),
  );
  const revoke = async (record: KeyRecord): Promise<void> => {
    const text = "Whoever uses it is refused within 5 seconds, open streams and dashboards included. This is for good.";
    if (!(await confirmed(`Revoke ${record.name}?`, text, "Revoke"))) return;
    const params = { path: { key_id: record.id } };
    if (await attempt(() => unwrap(api.DELETE("/api/keys/{key_id}", { params })), "Revoked.")) pages.reload();
  };
  return (
    <section class="card" aria-labelledby="keys-title">
      <header class="card-head">
        <h2 id="keys-title">API keys</h2>
        <button type="button" class="small" onClick={() => setCreating(true)}>
          <Icon name="plus" /> Create key
        </button>
      </header>
      {pages.rows.length > 0 && (
        <Table
          label="API keys"
          rows={pages.rows}
          columns={[
            {
              name: "Key",
              cell: (record) => (
                <>
                  {record.name} <small class="muted mono">{record.prefix}…</small>
                </>
              ),
            },
            { name: "State", cell: (record) => <Badge state={stateOf(record)} /> },
            { name: "Scopes", cell: (record) => [...record.scopes, ...(record.legacy ? ["legacy routes"] : [])].join(", ") },
            { name: "Workspace", cell: (record) => record.workspace_id ?? "all" },
            { name: "Made", cell: (record) => <Moment at={record.created_at} /> },
            { name: "Expires", cell: (record) => (record.expires_at === null ? "never" : <Moment at={record.expires_at} />) },
            {
              name: null,
              cell: (record) =>
                stateOf(record) === "active" && (
                  <button
                    type="button"
                    class="quiet small danger"
                    aria-label={`Revoke ${record.name}`}
                    onClick={() => void revoke(record)}
                  >
                    Revoke
                  </button>
                ),
            },
          ]}
        />
      )}
      <More pages={pages} what="keys" />
      {creating && <CreateKey onClose={() => setCreating(false)} onCreated={pages.reload} />}
    </section>
  );
}
