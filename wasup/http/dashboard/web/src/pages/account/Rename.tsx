import { useState } from "preact/hooks";
import { api, unwrap } from "../../api/client";
import type { Account } from "../../api/types";
import { Dialog } from "../../components/Dialog";
import { Field } from "../../components/Field";
import { Form, textOf } from "../../components/Form";

export function Rename({ account, onChange }: { account: Account; onChange: () => void }) {
  const [open, setOpen] = useState(false);
  const close = (): void => setOpen(false);
  const rename = async (data: FormData): Promise<void> => {
    const params = { path: { account_id: account.id } };
    await unwrap(api.PATCH("/api/accounts/{account_id}", { params, body: { name: textOf(data, "name") } }));
    close();
    onChange();
  };
  return (
    <>
      <button type="button" class="quiet small" onClick={() => setOpen(true)}>
        Rename
      </button>
      {open && (
        <Dialog title="Rename the account" onClose={close}>
          <Form action="Rename" label="Rename the account" onSubmit={rename} onCancel={close}>
            <Field label="Name">
              <input name="name" maxLength={120} defaultValue={account.name ?? ""} autoComplete="off" />
            </Field>
          </Form>
        </Dialog>
      )}
    </>
  );
}
