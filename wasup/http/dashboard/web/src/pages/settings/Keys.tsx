import { useState } from "preact/hooks";
import { api, unwrap } from "../../api/client";
import type { KeyRecord } from "../../api/types";
import { Badge } from "../../components/Badge";
import { confirmed } from "../../components/Confirm";
import { Icon } from "../../components/Icon";
import { More } from "../../components/More";
import { Moment } from "../../components/Time";
import { usePages } from "../../lib/resource";
import { attempt } from "../../state/toasts";
import { CreateKey } from "./CreateKey";

function stateOf(key: KeyRecord): string {
  if (key.revoked_at !== null) return "revoked";
  return key.expires_at !== null && key.expires_at <= Date.now() ? "expired" : "active";
}

function KeyRow({ record, onRevoke }: { record: KeyRecord; onRevoke: () => void }) {
  const state = stateOf(record);
  return (
    <tr>
      <th scope="row">
        {record.name} <small class="muted mono">{record.prefix}…</small>
      </th>
      <td data-label="State">
        <Badge state={state} />
      </td>
      <td data-label="Scopes">
        {record.scopes.join(", ")}
        {record.legacy && ", legacy routes"}
      </td>
      <td data-label="Workspace">{record.workspace_id ?? "all"}</td>
      <td data-label="Made">
        <Moment at={record.created_at} />
      </td>
      <td data-label="Expires">{record.expires_at === null ? "never" : <Moment at={record.expires_at} />}</td>
      <td class="row-actions">
        {state === "active" && (
          <button type="button" class="quiet small danger" aria-label={`Revoke ${record.name}`} onClick={onRevoke}>
            Revoke
          </button>
        )}
      </td>
    </tr>
  );
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
        <table class="cards">
          <caption class="hidden">API keys</caption>
          <thead>
            <tr>
              <th scope="col">Key</th>
              <th scope="col">State</th>
              <th scope="col">Scopes</th>
              <th scope="col">Workspace</th>
              <th scope="col">Made</th>
              <th scope="col">Expires</th>
              <th scope="col">
                <span class="hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {pages.rows.map((record) => (
              <KeyRow key={record.id} record={record} onRevoke={() => void revoke(record)} />
            ))}
          </tbody>
        </table>
      )}
      <More pages={pages} what="keys" />
      {creating && <CreateKey onClose={() => setCreating(false)} onCreated={pages.reload} />}
    </section>
  );
}
