import { useState } from "preact/hooks";
import { api, unwrap } from "../../api/client";
import type { Endpoint } from "../../api/types";
import { Dialog } from "../../components/Dialog";
import { Field } from "../../components/Field";
import { Form } from "../../components/Form";
import { SecretOnce } from "../../components/Secret";

interface RotateSecretProps {
  endpoint: Endpoint;
  onClose: () => void;
  onRotated: () => void;
}

export function RotateSecret({ endpoint, onClose, onRotated }: RotateSecretProps) {
  const [secret, setSecret] = useState("");
  const rotate = async (data: FormData): Promise<void> => {
    const params = { path: { endpoint_id: endpoint.id } };
    const body = { overlap_hours: Number(data.get("overlap_hours")) };
    const made = await unwrap(api.POST("/api/webhook-endpoints/{endpoint_id}/rotate-secret", { params, body }));
    setSecret(made.secret ?? "");
    onRotated();
  };
  return (
    <Dialog title={secret ? "The new secret" : "Rotate the secret"} onClose={onClose}>
      {secret ? (
        <>
          <SecretOnce label="Signing secret" value={secret} note="It is shown this one time: keep it now." />
          <footer class="actions end">
            <button type="button" onClick={onClose}>
              Done
            </button>
          </footer>
        </>
      ) : (
        <Form action="Rotate" label="Rotate the secret" onSubmit={rotate} onCancel={onClose}>
          <Field label="Hours that both secrets sign" hint="Time for your back end to take the new one over.">
            <input name="overlap_hours" type="number" min="0" max="168" required defaultValue="24" />
          </Field>
        </Form>
      )}
    </Dialog>
  );
}
