/** The first message to somebody. */

import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";
import type { Account } from "../../api/types";
import { Field } from "../../components/Field";
import { Icon } from "../../components/Icon";
import { SendBox } from "./SendBox";

export function NewChat({ account, onSent }: { account: Account; onSent: () => void }) {
  const { route } = useLocation();
  const [to, setTo] = useState("");
  return (
    <section class="card thread" aria-label="New message">
      <header>
        <a class="back" href={`/dashboard/accounts/${account.id}/chats`} aria-label="Back to the chats">
          <Icon name="back" />
        </a>
        <h2>New message</h2>
      </header>
      <div class="new-to">
        <Field label="To" hint="A phone number with its country, or a WhatsApp id.">
          <input
            type="text"
            inputMode="tel"
            placeholder="+55 11 98888-7777"
            autoComplete="off"
            value={to}
            onInput={(event) => setTo(event.currentTarget.value)}
          />
        </Field>
      </div>
      <SendBox
        account={account}
        to={to.trim()}
        onSent={(message) => {
          onSent();
          route(`/dashboard/accounts/${account.id}/chats/${message.chat_id}`);
        }}
      />
    </section>
  );
}
