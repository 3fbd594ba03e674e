/** Every change of an account's state with its reason, newest first. */

import { api, unwrap } from "../../api/client";
import type { Account } from "../../api/types";
import { Badge } from "../../components/Badge";
import { More } from "../../components/More";
import { Moment } from "../../components/Time";
import { words } from "../../lib/format";
import { usePages } from "../../lib/resource";
import { useEvents } from "../../state/live";

const EXPECTED = "progress"; // the reason of what goes as it should

export function Timeline({ account }: { account: Account }) {
  const steps = usePages(account.id, (cursor) =>
    unwrap(
      api.GET("/api/accounts/{account_id}/transitions", {
        params: { path: { account_id: account.id }, query: { ...(cursor && { cursor }) } },
      }),
    ),
  );
  useEvents(["account.status"], steps.reload, account.id);
  return (
    <section class="card" aria-labelledby="timeline-title">
      <h2 id="timeline-title">State timeline</h2>
      {steps.rows.length === 0 && !steps.loading && !steps.error && (
        <p class="muted">It has never been connected.</p>
      )}
      <ol class="timeline">
        {steps.rows.map((step) => (
          <li key={step.id}>
            <Badge state={step.new} />
            <span>
              {step.reason !== EXPECTED && words(step.reason)}
              {step.detail && <span class="muted">: {step.detail}</span>}
            </span>
            <small class="muted">
              <Moment at={step.at} />, was {words(step.old)}
            </small>
          </li>
        ))}
      </ol>
      <More pages={steps} what="changes" />
    </section>
  );
}
