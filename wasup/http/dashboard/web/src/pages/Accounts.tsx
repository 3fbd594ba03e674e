/** All accounts: found by name, number or state; their states change as they change. */

import { useLocation } from "preact-iso";
import { useEffect, useState } from "preact/hooks";
import { api, unwrap } from "../api/client";
import type { AccountStatus } from "../api/types";
import { Icon } from "../components/Icon";
import { More } from "../components/More";
import { Empty } from "../components/Notes";
import { Page } from "../components/Page";
import { WorkspaceFilter, workspaceIn } from "../components/WorkspaceField";
import { STATUSES, showAccount } from "../lib/accounts";
import { words } from "../lib/format";
import { usePages } from "../lib/resource";
import { useEvents } from "../state/live";
import { can } from "../state/session";
import { AccountTable } from "./accounts/AccountTable";
import { AddAccount } from "./accounts/AddAccount";

const PAUSE = 250; // ms without a key before a search begins

export function AccountsPage() {
  const { query, route } = useLocation();
  const [typed, setTyped] = useState(query["search"] ?? "");
  const search = query["search"] || undefined;
  const status = STATUSES.find((one) => one === query["status"]);
  const workspace = workspaceIn(query);
  const adding = query["add"] !== undefined && can("manage");

  const show = (changes: { search?: string; status?: AccountStatus | ""; workspace?: string; add?: string }): void => {
    const now = { search: search ?? "", status: status ?? "", workspace: workspace ? String(workspace) : "" };
    const next = new URLSearchParams({ ...now, ...changes });
    for (const [name, value] of [...next]) if (value === "") next.delete(name);
    route(`/dashboard/accounts${next.size > 0 ? `?${next.toString()}` : ""}`, true);
  };
  useEffect(() => {
    if (typed.trim() === (search ?? "")) return undefined;
    const timer = window.setTimeout(() => show({ search: typed.trim() }), PAUSE);
    return () => window.clearTimeout(timer);
  }, [typed]);

  const pages = usePages(`${search ?? ""}|${status ?? ""}|${workspace ?? ""}`, (cursor) => {
    const which = { ...(search && { search }), ...(status && { status }), ...(workspace && { workspace_id: workspace }) };
    return unwrap(api.GET("/api/accounts", { params: { query: { ...which, ...(cursor && { cursor }) } } }));
  });
  const refresh = async (id: number): Promise<void> => {
    const fresh = await showAccount(id).catch(() => null);
    if (fresh) pages.set((rows) => rows.map((row) => (row.id === id ? fresh : row)));
  };
  useEvents(["account.status"], (frame) => {
    if (frame.event !== "account.status") return pages.reload();
    const id = frame.data.account_id;
    return pages.rows.some((row) => row.id === id) ? void refresh(id) : undefined;
  });

  const filtered = search !== undefined || status !== undefined || workspace !== undefined;
  return (
    <Page
      title="Accounts"
      lead="One WhatsApp number each."
      actions={
        can("manage") && (
          <button type="button" onClick={() => show({ add: "1" })}>
            <Icon name="plus" /> Add account
          </button>
        )
      }
    >
      <search class="filters">
        <label>
          <span class="hidden">Search accounts</span>
          <input
            type="search"
            placeholder="Name or phone number"
            aria-label="Search accounts"
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
        <select
          aria-label="State"
          value={status ?? ""}
          onChange={(event) => show({ status: event.currentTarget.value as AccountStatus | "" })}
        >
          <option value="">All states</option>
          {STATUSES.map((one) => (
            <option key={one} value={one}>
              {words(one)}
            </option>
          ))}
        </select>
        <WorkspaceFilter value={workspace} onChange={(chosen) => show({ workspace: chosen ? String(chosen) : "" })} />
      </search>
      {pages.rows.length > 0 && (
        <AccountTable
          accounts={pages.rows}
          onChange={(id) => void refresh(id)}
          onDelete={(id) => pages.set((rows) => rows.filter((row) => row.id !== id))}
        />
      )}
      {pages.rows.length === 0 && !pages.loading && !pages.error && (
        <Empty title={filtered ? "No account fits" : "No accounts yet"}>
          {filtered ? (
            <p>Try a part of a name or number, or all states.</p>
          ) : (
            <p>Add the first one: it offers a QR code, which a phone scans to link it.</p>
          )}
        </Empty>
      )}
      <More pages={pages} what="accounts" />
      {adding && <AddAccount onClose={() => show({ add: "" })} />}
    </Page>
  );
}
