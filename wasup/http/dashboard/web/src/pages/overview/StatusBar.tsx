/** How many accounts are in each state: a bar, and the same in words with links to the list. */

import { Badge, toneOf } from "../../components/Badge";
import { count } from "../../lib/format";

const ORDER = { good: 0, busy: 1, warn: 2, bad: 3, idle: 4 } as const;

interface StatusBarProps {
  total: number;
  byStatus: Record<string, number>;
  workspace: number | undefined;
}

export function StatusBar({ total, byStatus, workspace }: StatusBarProps) {
  const parts = Object.entries(byStatus)
    .filter(([, number]) => number > 0)
    .sort(([a], [b]) => ORDER[toneOf(a)] - ORDER[toneOf(b)] || a.localeCompare(b));
  return (
    <section class="card" aria-labelledby="accounts-by-state">
      <h2 id="accounts-by-state">Accounts by state</h2>
      <svg class="status-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        {parts.map(([status, number], index) => {
          const before = parts.slice(0, index).reduce((sum, [, part]) => sum + part, 0);
          return (
            <rect
              key={status}
              class={toneOf(status)}
              x={(100 * before) / total}
              width={(100 * number) / total}
              height="4"
            />
          );
        })}
      </svg>
      <ul class="status-list">
        {parts.map(([status, number]) => (
          <li key={status}>
            <a href={`/dashboard/accounts?status=${status}${workspace ? `&workspace=${workspace}` : ""}`}>
              <Badge state={status} /> <strong>{count(number)}</strong>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
