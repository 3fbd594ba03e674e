/** Limits and thresholds that hold at once, without a restart. */

import { api, unwrap } from "../../api/client";
import type { Changes, Values } from "../../api/types";
import { Field } from "../../components/Field";
import { Form, textOf } from "../../components/Form";
import { ErrorNote, Loading } from "../../components/Notes";
import { labelOf } from "../../lib/format";
import { useResource } from "../../lib/resource";
import { notify } from "../../state/toasts";

const HINTS: Readonly<Record<string, string>> = {
  default_region: "Country of phone numbers that come without one, such as BR. Empty: such numbers are refused.",
  rate_per_key: "Requests a second with one key; twice as many at once.",
  rate_per_address: "Requests a second from one address; twice as many at once.",
  wrong_keys_per_minute: "Wrong keys from one address.",
  legacy_enabled: "Serve the old service’s routes.",
};

const PATTERNS: Readonly<Record<string, string>> = { default_region: "[A-Z]{2}" };

function Setting({ name, value }: { name: string; value: unknown }) {
  const hint = HINTS[name];
  if (typeof value === "boolean") {
    return (
      <label class="check">
        <input type="checkbox" name={name} defaultChecked={value} />
        <span>
          {labelOf(name)} {hint && <small class="muted">{hint}</small>}
        </span>
      </label>
    );
  }
  return (
    <Field label={labelOf(name)} {...(hint && { hint })}>
      {typeof value === "number" ? (
        <input name={name} type="number" step="any" defaultValue={String(value)} />
      ) : (
        <input
          name={name}
          type="text"
          defaultValue={typeof value === "string" ? value : ""}
          autoComplete="off"
          pattern={PATTERNS[name]}
          title={hint}
        />
      )}
    </Field>
  );
}

/** What of the form differs from what holds now; an emptied field goes back to the configuration's value. */
function changesOf(data: FormData, now: Values): Changes {
  const changes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(now)) {
    const text = textOf(data, name);
    const typed = typeof value === "boolean" ? text !== null : typeof value === "number" && text ? Number(text) : text;
    if (typed !== value) changes[name] = typed;
  }
  return changes as Changes;
}

export function Limits() {
  const settings = useResource("settings", () => unwrap(api.GET("/api/settings")));
  const now = settings.data;
  const save = async (data: FormData): Promise<void> => {
    if (!now) return;
    const fresh = await unwrap(api.PATCH("/api/settings", { body: changesOf(data, now) }));
    settings.set(() => fresh);
    notify("Saved. It holds at once.");
  };
  return (
    <section class="card" aria-labelledby="limits-title">
      <h2 id="limits-title">Limits and thresholds</h2>
      <ErrorNote text={settings.error} onRetry={settings.reload} />
      {!now && settings.loading && <Loading />}
      {now && (
        <Form key={JSON.stringify(now)} action="Save" label="Limits and thresholds" onSubmit={save}>
          <div class="columns">
            {Object.entries(now).map(([name, value]) => (
              <Setting key={name} name={name} value={value} />
            ))}
          </div>
        </Form>
      )}
    </section>
  );
}
