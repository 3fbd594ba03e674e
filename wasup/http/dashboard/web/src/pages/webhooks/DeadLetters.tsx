/** Deliveries that were given up, and having one or all of them delivered again. */

import { api, unwrap } from "../../api/client";
import type { DeadLetter, Endpoint } from "../../api/types";
import { More } from "../../components/More";
import { Ago } from "../../components/Time";
import { count } from "../../lib/format";
import { usePages } from "../../lib/resource";
import { attempt } from "../../state/toasts";
import { replay } from "./replay";

interface DeadLettersProps {
  endpoint: Endpoint;
  onReplay: () => void;
}

export function DeadLetters({ endpoint, onReplay }: DeadLettersProps) {
  const path = { endpoint_id: endpoint.id };
  const pages = usePages(endpoint.id, (cursor) =>
    unwrap(
      api.GET("/api/webhook-endpoints/{endpoint_id}/dead-letters", {
        params: { path, query: { limit: 25, ...(cursor && { cursor }) } },
      }),
    ),
  );
  const again = async (letter: DeadLetter): Promise<void> => {
    const params = { path: { ...path, letter_id: letter.id } };
    const done = await attempt(
      () => unwrap(api.POST("/api/webhook-endpoints/{endpoint_id}/dead-letters/{letter_id}/replay", { params })),
      "It is delivered again.",
    );
    if (done) onReplay();
  };
  if (pages.rows.length === 0 && !pages.error) return null;
  return (
    <section class="card" aria-labelledby="dead-letters-title">
      <header class="card-head">
        <h2 id="dead-letters-title">Dead letters</h2>
        <button
          type="button"
          class="small"
          onClick={() => void replay(endpoint.id, { dead_letters: true }).then((done) => done && onReplay())}
        >
          Replay all
        </button>
      </header>
      <table class="cards">
        <caption class="hidden">Dead letters</caption>
        <thead>
          <tr>
            <th scope="col">Event</th>
            <th scope="col">Account</th>
            <th scope="col">Reason</th>
            <th scope="col">Tries</th>
            <th scope="col">Given up</th>
            <th scope="col">
              <span class="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {pages.rows.map((letter) => (
            <tr key={letter.id}>
              <th scope="row" class="mono">
                {letter.event_id}
              </th>
              <td data-label="Account">
                {letter.account_id}, event {count(letter.account_seq)}
              </td>
              <td data-label="Reason">{letter.reason}</td>
              <td data-label="Tries">{letter.attempts}</td>
              <td data-label="Given up">
                <Ago at={letter.created_at} />
              </td>
              <td class="row-actions">
                <button
                  type="button"
                  class="quiet small"
                  aria-label={`Replay dead letter ${letter.event_id}`}
                  onClick={() => void again(letter)}
                >
                  Replay
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <More pages={pages} what="dead letters" />
    </section>
  );
}
