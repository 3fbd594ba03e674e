/** Adding an account, and connecting it at once so that its QR code is there. */

import { useLocation } from "preact-iso";
import { api, fetchOverview, unwrap } from "../../api/client";
import { Dialog } from "../../components/Dialog";
import { Field } from "../../components/Field";
import { Form, textOf } from "../../components/Form";
import { WorkspaceField, workspaceOf } from "../../components/WorkspaceField";
import { useResource } from "../../lib/resource";
import { attempt } from "../../state/toasts";

const PROVIDERS: Readonly<Record<string, string>> = {
  emulated: "Emulated: plays WhatsApp on this machine, for trying things out",
  webjs: "WhatsApp Web in a browser of its own",
  meta: "WhatsApp Business Cloud API",
};

export function AddAccount({ onClose }: { onClose: () => void }) {
  const { route } = useLocation();
  const known = useResource("providers", async () => (await fetchOverview()).provider_types);

  const add = async (data: FormData): Promise<void> => {
    const body = {
      name: textOf(data, "name"),
      provider_type: textOf(data, "provider_type"),
      workspace_id: workspaceOf(data),
    };
    const { id } = await unwrap(api.POST("/api/accounts", { body }));
    const params = { path: { account_id: id } };
    await attempt(() => unwrap(api.POST("/api/accounts/{account_id}/connect", { params })));
    onClose();
    route(`/dashboard/accounts/${id}`);
  };

  return (
    <Dialog title="Add an account" onClose={onClose}>
      <Form action="Add and connect" label="Add an account" onSubmit={add} onCancel={onClose}>
        <Field label="Name" hint="For you and your team, such as “Support”; it can be changed.">
          <input name="name" maxLength={120} autoComplete="off" />
        </Field>
        <Field label="Provider" hint="How the account reaches WhatsApp.">
          <select name="provider_type">
            {(known.data ?? []).map((name) => (
              <option key={name} value={name}>
                {PROVIDERS[name] ?? name}
              </option>
            ))}
          </select>
        </Field>
        <WorkspaceField />
      </Form>
    </Dialog>
  );
}
