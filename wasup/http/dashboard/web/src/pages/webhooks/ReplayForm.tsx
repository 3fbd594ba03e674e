/** Having many events delivered again: by id, by time, or an account's by their sequence numbers. */

import { useState } from "preact/hooks";
import type { Endpoint, Replay } from "../../api/types";
import { Field } from "../../components/Field";
import { Form, textOf } from "../../components/Form";
import { replay } from "./replay";

const WAYS = { ids: "Event ids", time: "A span of time", account: "An account’s events" } as const;

type Way = keyof typeof WAYS;

const numberOf = (data: FormData, name: string): number | null => {
  const text = textOf(data, name);
  return text === null ? null : Number(text);
};

/** A local date and time as epoch milliseconds. */
const momentOf = (data: FormData, name: string): number | null => {
  const text = textOf(data, name);
  return text === null ? null : new Date(text).getTime();
};

const BODIES: Record<Way, (data: FormData) => Replay> = {
  ids: (data) => ({ event_ids: (textOf(data, "ids") ?? "").split(/[\s,]+/) }),
  time: (data) => ({ since: momentOf(data, "since"), until: momentOf(data, "until") }),
  account: (data) => ({
    account_id: numberOf(data, "account_id"),
    after_seq: numberOf(data, "after_seq"),
    until_seq: numberOf(data, "until_seq"),
  }),
};

function Fields({ way }: { way: Way }) {
  if (way === "ids") {
    return (
      <Field label="Event ids" hint="One a line, or with commas between them.">
        <textarea name="ids" rows={2} required />
      </Field>
    );
  }
  if (way === "time") {
    return (
      <div class="columns">
        <Field label="From">
          <input name="since" type="datetime-local" required />
        </Field>
        <Field label="Until" hint="Left out: until now.">
          <input name="until" type="datetime-local" />
        </Field>
      </div>
    );
  }
  return (
    <div class="columns">
      <Field label="Account id">
        <input name="account_id" type="number" min="1" required />
      </Field>
      <Field label="After event number">
        <input name="after_seq" type="number" min="0" />
      </Field>
      <Field label="Up to event number">
        <input name="until_seq" type="number" min="0" />
      </Field>
    </div>
  );
}

export function ReplayForm({ endpoint, onReplay }: { endpoint: Endpoint; onReplay: () => void }) {
  const [way, setWay] = useState<Way>("time");
  const submit = async (data: FormData): Promise<void> => {
    if (await replay(endpoint.id, BODIES[way](data))) onReplay();
  };
  return (
    <section class="card" aria-labelledby="replay-title">
      <h2 id="replay-title">Replay</h2>
      <p class="muted">Events keep their ids and say that they are replays, so that your back end knows them again.</p>
      <Form action="Replay" label="Replay" onSubmit={submit}>
        <Field label="Which events">
          <select value={way} onChange={(event) => setWay(event.currentTarget.value as Way)}>
            {Object.entries(WAYS).map(([name, label]) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
          </select>
        </Field>
        <Fields key={way} way={way} />
      </Form>
    </section>
  );
}
