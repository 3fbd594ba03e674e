import type { Account } from "../../api/types";
import { Badge } from "../../components/Badge";
import { Icon } from "../../components/Icon";
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

export function AccountTable({ accounts, onChange, onDelete }: AccountTableProps) {
  return (
    <table class="cards">
      <caption class="hidden">Accounts</caption>
      <thead>
        <tr>
          <th scope="col">Account</th>
          <th scope="col">State</th>
          <th scope="col">Phone</th>
          <th scope="col">Provider</th>
          <th scope="col">Last activity</th>
          {can("manage") && (
            <th scope="col">
              <span class="hidden">Actions</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {accounts.map((account) => (
          <tr key={account.id}>
            <th scope="row">
              <a href={`/dashboard/accounts/${account.id}`}>{titleOf(account)}</a>
              {account.is_primary && (
                <span class="primary" title="Primary account">
                  <Icon name="star" />
                  <span class="hidden">Primary account</span>
                </span>
              )}
              <small class="muted">#{account.id}</small>
            </th>
            <td data-label="State">
              <Badge state={account.status} />
              {account.status !== "connected" && account.status_reason && (
                <small class="muted"> {words(account.status_reason)}</small>
              )}
            </td>
            <td data-label="Phone">{phoneOf(account) || <span class="muted">not paired</span>}</td>
            <td data-label="Provider">{account.provider_type}</td>
            <td data-label="Last activity">
              <Ago at={account.last_activity_at} />
            </td>
            {can("manage") && (
              <td class="row-actions">
                <AccountActions
                  account={account}
                  onChange={() => onChange(account.id)}
                  onDelete={() => onDelete(account.id)}
                />
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
