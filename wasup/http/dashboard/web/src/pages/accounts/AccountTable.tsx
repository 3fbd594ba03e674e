import type { Account } from "../../api/types";
import { Badge } from "../../components/Badge";
import { Icon } from "../../components/Icon";
import { Table, type Column } from "../../components/Table";
import { Ago } from "../../components/Time";
import { phoneOf, titleOf } from "../../lib/accounts";
import { words } from "../../lib/format";
import { can } from "../../state/session";
import { AccountActions } from "./AccountActions";

interface AccountTableProps {
  accounts: readonly Account[];
  onChange: (id: number) => void;
  onDelete: (id: number) => void;
}

function Name({ account }: { account: Account }) {
  return (
    <>
      <a href={`/dashboard/accounts/${account.id}`}>{titleOf(account)}</a>
      {account.is_primary && (
        <span class="primary" title="Primary account">
          <Icon name="star" />
          <span class="hidden">Primary account</span>
        </span>
      )}
      <small class="muted">#{account.id}</small>
    </>
  );
}

/** Reasons that tell nothing: it is as it was asked for, or on its way. */
const PLAIN = new Set(["progress", "requested"]);

function State({ account }: { account: Account }) {
  return (
    <>
      <Badge state={account.status} />
      {account.status !== "connected" && account.status_reason && !PLAIN.has(account.status_reason) && (
        <small class="muted"> {words(account.status_reason)}</small>
      )}
    </>
  );
}

export function AccountTable({ accounts, onChange, onDelete }: AccountTableProps) {
  const actions: Column<Account> = {
    name: null,
    cell: (account) => (
      <AccountActions account={account} onChange={() => onChange(account.id)} onDelete={() => onDelete(account.id)} />
    ),
  };
  return (
    <Table
      label="Accounts"
      rows={accounts}
      columns={[
        { name: "Account", cell: (account) => <Name account={account} /> },
        { name: "State", cell: (account) => <State account={account} /> },
        { name: "Phone", cell: (account) => phoneOf(account) || <span class="muted">not paired</span> },
        { name: "Provider", cell: (account) => account.provider_type },
        { name: "Last activity", cell: (account) => <Ago at={account.last_activity_at} /> },
        ...(can("manage") ? [actions] : []),
      ]}
    />
  );
}
