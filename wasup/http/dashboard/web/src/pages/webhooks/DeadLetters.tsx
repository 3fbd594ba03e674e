/** Deliveries that were given up, and having one or all of them delivered again. */

import { api, unwrap } from "../../api/client";
import type { DeadLetter, Endpoint } from "../../api/types";
import { More } from "../../components/More";
import { Table } from "../../components/Table";
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
      <Table
        label="Dead letters"
        rows={pages.rows}
        columns={[
          { name: "Event", class: "mono", cell: (letter) => letter.event_id },
          { name: "Account", cell: (letter) => `${letter.account_id}, event ${count(letter.account_seq)}` },
          { name: "Reason", cell: (letter) => letter.reason },
          { name: "Tries", cell: (letter) => letter.attempts },
          { name: "Given up", cell: (letter) => <Ago at={letter.created_at} /> },
          {
            name: null,
            cell: (letter) => (
              <button
                type="button"
                class="quiet small"
                aria-label={`Replay dead letter ${letter.event_id}`}
                onClick={() => void again(letter)}
              >
                Replay
              </button>
            ),
          },
        ]}
      />
      <More pages={pages} what="dead letters" />
    </section>
  );
}
