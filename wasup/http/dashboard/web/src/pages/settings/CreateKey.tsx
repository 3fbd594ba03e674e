import { useState } from "preact/hooks";
import { api, unwrap } from "../../api/client";
import type { Scope } from "../../api/types";
import { Dialog } from "../../components/Dialog";
import { Field } from "../../components/Field";
import { Form, textOf } from "../../components/Form";
import { SecretOnce } from "../../components/Secret";
import { WorkspaceField, workspaceOf } from "../../components/WorkspaceField";
import { can, isAdmin } from "../../state/session";

const SCOPES: readonly { name: Scope; means: string }[] = [
  { name: "read", means: "see accounts, chats, messages and events" },
  { name: "send", means: "send messages" },
  { name: "manage", means: "manage accounts, webhooks and keys" },
  { name: "admin", means: "everything" },
];

interface CreateKeyProps {
  onClose: () => void;
  onCreated: () => void;
}

export function CreateKey({ onClose, onCreated }: CreateKeyProps) {
  const [key, setKey] = useState("");
  const create = async (data: FormData): Promise<void> => {
    const expires = textOf(data, "expires");
    const body = {
      name: textOf(data, "name") ?? "",
      scopes: SCOPES.map((scope) => scope.name).filter((name) => data.getAll("scopes").includes(name)),
      expires_at: expires === null ? null : new Date(expires).getTime(),
      workspace_id: workspaceOf(data),
    };
    if (body.scopes.length === 0) throw new Error("Choose what the key may do.");
    setKey((await unwrap(api.POST("/api/keys", { body }))).key);
    onCreated();
  };
  if (key) {
    return (
      <Dialog title="The new key" onClose={onClose}>
        <SecretOnce label="API key" value={key} note="It is shown this one time: keep it now." />
        <footer class="actions end">
          <button type="button" onClick={onClose}>
            Done
          </button>
        </footer>
      </Dialog>
    );
  }
  return (
    <Dialog title="Create an API key" onClose={onClose}>
      <Form action="Create key" label="Create an API key" onSubmit={create} onCancel={onClose}>
        <Field label="Name" hint="Who or what uses it.">
          <input name="name" required maxLength={120} autoComplete="off" />
        </Field>
        <fieldset class="choices">
          <legend>Scopes</legend>
          {SCOPES.filter((scope) => can(scope.name)).map((scope) => (
            <label key={scope.name} class="check">
              <input type="checkbox" name="scopes" value={scope.name} defaultChecked={scope.name === "read"} />
              <span>
                <strong>{scope.name}</strong>: {scope.means}
              </span>
            </label>
          ))}
        </fieldset>
        <WorkspaceField {...(isAdmin.value && { none: "None: an admin key, for all workspaces" })} />
        <Field label="Expires" hint="Left out: never.">
          <input name="expires" type="datetime-local" />
        </Field>
      </Form>
    </Dialog>
  );
}
