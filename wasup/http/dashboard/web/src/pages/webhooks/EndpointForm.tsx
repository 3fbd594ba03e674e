/** Where events go and which: for a new endpoint, or to change one. */

import { useState } from "preact/hooks";
import { api, unwrap } from "../../api/client";
import { EVENT_TYPES } from "../../api/stream";
import type { Endpoint } from "../../api/types";
import { Dialog } from "../../components/Dialog";
import { Field } from "../../components/Field";
import { Form, textOf } from "../../components/Form";
import { SecretOnce } from "../../components/Secret";
import { WorkspaceField, workspaceOf } from "../../components/WorkspaceField";

interface EndpointFormProps {
  endpoint?: Endpoint;
  onClose: () => void;
  onSaved: (endpoint: Endpoint) => void;
}

/** `Name: value`, one a line. */
function headersOf(text: string | null): Record<string, string> {
  const lines = (text ?? "").split("\n").filter((line) => line.trim() !== "");
  return Object.fromEntries(
    lines.map((line) => {
      const [name = "", ...rest] = line.split(":");
      return [name.trim(), rest.join(":").trim()];
    }),
  );
}

function Fields({ endpoint }: { endpoint: Endpoint | undefined }) {
  const chosen = new Set(endpoint?.events);
  const headers = Object.entries(endpoint?.headers ?? {}).map(([name, value]) => `${name}: ${value}`);
  return (
    <>
      <Field label="Address" hint="An https address of your back end; events are sent there as signed POSTs.">
        <input name="url" type="url" required defaultValue={endpoint?.url} placeholder="https://example.com/webhooks" />
      </Field>
      <fieldset class="choices">
        <legend>Events (none chosen: all)</legend>
        {EVENT_TYPES.map((type) => (
          <label key={type} class="check">
            <input type="checkbox" name="events" value={type} defaultChecked={chosen.has(type)} /> {type}
          </label>
        ))}
      </fieldset>
      <details>
        <summary>More</summary>
        <Field label="Events in one POST" hint="1 sends each by itself.">
          <input name="batch_events" type="number" min="1" max="500" defaultValue={String(endpoint?.batch_events ?? 1)} />
        </Field>
        <Field label="Milliseconds to wait for more events">
          <input name="batch_wait_ms" type="number" min="0" max="10000" defaultValue={String(endpoint?.batch_wait_ms ?? 0)} />
        </Field>
        <Field label="Headers" hint="Name: value, one a line; sent along with every delivery.">
          <textarea name="headers" rows={2} defaultValue={headers.join("\n")} />
        </Field>
      </details>
    </>
  );
}

export function EndpointForm({ endpoint, onClose, onSaved }: EndpointFormProps) {
  const [made, setMade] = useState<Endpoint | null>(null);
  const save = async (data: FormData): Promise<void> => {
    const body = {
      url: textOf(data, "url") ?? "",
      events: data.getAll("events").map(String),
      headers: headersOf(textOf(data, "headers")),
      batch_events: Number(data.get("batch_events")),
      batch_wait_ms: Number(data.get("batch_wait_ms")),
    };
    if (endpoint) {
      const params = { path: { endpoint_id: endpoint.id } };
      onSaved(await unwrap(api.PATCH("/api/webhook-endpoints/{endpoint_id}", { params, body })));
      return onClose();
    }
    const workspace_id = workspaceOf(data);
    const created = await unwrap(api.POST("/api/webhook-endpoints", { body: { ...body, workspace_id } }));
    setMade(created);
    onSaved(created);
  };
  const title = endpoint ? "Change the endpoint" : "Add a webhook endpoint";
  if (made) {
    return (
      <Dialog title="Endpoint added" onClose={onClose}>
        <SecretOnce label="Signing secret" value={made.secret ?? ""} note="It is shown this one time: keep it now." />
        <footer class="actions end">
          <button type="button" onClick={onClose}>
            Done
          </button>
        </footer>
      </Dialog>
    );
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <Form action={endpoint ? "Save" : "Add endpoint"} label={title} onSubmit={save} onCancel={onClose}>
        <Fields endpoint={endpoint} />
        {!endpoint && <WorkspaceField />}
      </Form>
    </Dialog>
  );
}
