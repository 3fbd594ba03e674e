/** For a phone that cannot scan: a code to type on it. */

import { useState } from "preact/hooks";
import { api, unwrap } from "../../api/client";
import type { Account } from "../../api/types";
import { Field } from "../../components/Field";
import { Form, textOf } from "../../components/Form";

export function PairingCode({ account }: { account: Account }) {
  const [code, setCode] = useState("");
  const ask = async (data: FormData): Promise<void> => {
    const params = { path: { account_id: account.id } };
    const body = { phone: textOf(data, "phone") ?? "" };
    setCode((await unwrap(api.POST("/api/accounts/{account_id}/pairing-code", { params, body }))).code);
  };
  return (
    <details>
      <summary>The phone cannot scan?</summary>
      <Form action="Get a code to type" label="Pairing code" onSubmit={ask}>
        <Field label="Its phone number" hint="With its country, such as +55 11 99999-8888.">
          <input name="phone" type="tel" required autoComplete="off" />
        </Field>
      </Form>
      <p role="status">
        {code && (
          <>
            Type this on the phone: <strong class="mono code">{code}</strong>
          </>
        )}
      </p>
    </details>
  );
}
