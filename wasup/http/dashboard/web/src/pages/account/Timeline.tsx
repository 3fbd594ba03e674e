/** Every change of an account's state with its reason, newest first. */

import { api, unwrap } from "../../api/client";
import type { Account } from "../../api/types";
import { Badge } from "../../components/Badge";
import { ErrorNote, Loading } from "../../components/Notes";
import { Moment } from "../../components/Time";
import { words } from "../../lib/format";
import { useResource } from "../../lib/resource";
import { useEvents } from "../../state/live";

export function Timeline({ account }: { account: Account }) {
  const steps = useResource(account.id, () =>
    unwrap(
      api.GET("/api/accounts/{account_id}/transitions", {
        params: { path: { account_id: account.id }, query: { limit: 100 } },
      }),
    ),
  );
  useEvents(["account.status"], steps.reload, account.id);
  return (
    <section class="card" aria-labelledby="timeline-title">
      <h2 id="timeline-title">State timeline</h2>
      <ErrorNote text={steps.error} onRetry={steps.reload} />
      {!steps.data && steps.loading && <Loading />}
      {steps.data?.data.length === 0 && <p class="muted">It has never been connected.</p>}
      <ol class="timeline">
        {steps.data?.data.map((step) => (
          <li key={`${step.at}-${step.old}-${step.new}`}>
            <Badge state={step.new} />
            <span>
              {words(step.reason)}
              {step.detail && <span class="muted">: {step.detail}</span>}
            </span>
            <small class="muted">
              <Moment at={step.at} />, was {words(step.old)}
            </small>
          </li>
        ))}
      </ol>
    </section>
  );
}
