/** Where an answer is written: text of any length, and a file with it. Enter sends, Shift+Enter makes a new line. */

import { useRef, useState } from "preact/hooks";
import { wordsOf } from "../../api/client";
import type { Account, Message } from "../../api/types";
import { Icon } from "../../components/Icon";
import { ErrorNote } from "../../components/Notes";
import { bytes, count } from "../../lib/format";
import { idempotencyKey, send } from "../../lib/sending";

const LONGEST = 65_536; // characters, as WhatsApp allows
const LONG = 1000; // from here on they are counted

interface SendBoxProps {
  account: Account;
  to: string;
  onSent: (message: Message) => void;
}

export function SendBox({ account, to, onSent }: SendBoxProps) {
  const [text, setText] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const key = useRef(idempotencyKey());
  const box = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);

  const change = (next: { text?: string; file?: File | null }): void => {
    if (next.text !== undefined) setText(next.text);
    if (next.file !== undefined) setFile(next.file);
    if (picker.current && next.file === null) picker.current.value = "";
    key.current = idempotencyKey(); // another message; a repeat of the same one keeps its key
    setError("");
  };
  const submit = async (): Promise<void> => {
    if (busy || (text.trim() === "" && !file)) return;
    if (to === "") return setError("Say to whom it goes.");
    setBusy(true);
    setError("");
    try {
      const message = await send(account, { to, text, file, key: key.current });
      change({ text: "", file: null });
      onSent(message);
    } catch (refused) {
      setError(wordsOf(refused));
    }
    setBusy(false);
    box.current?.focus();
  };

  return (
    <form
      class="send-box"
      aria-label="Send a message"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <ErrorNote text={error} />
      {file && (
        <p class="attached">
          <Icon name="file" /> {file.name} <span class="muted">{bytes(file.size)}</span>
          <button type="button" class="quiet icon-only" aria-label="Remove the file" onClick={() => change({ file: null })}>
            <Icon name="close" />
          </button>
        </p>
      )}
      <div class="send-row">
        <input
          ref={picker}
          class="hidden"
          id="attach"
          type="file"
          tabIndex={-1}
          aria-label="File to send"
          onChange={(event) => change({ file: event.currentTarget.files?.[0] ?? null })}
        />
        <button type="button" class="quiet icon-only" aria-label="Attach a file" onClick={() => picker.current?.click()}>
          <Icon name="attach" />
        </button>
        <textarea
          ref={box}
          rows={1}
          aria-label="Message"
          placeholder={file ? "Caption" : "Message"}
          maxLength={LONGEST}
          value={text}
          onInput={(event) => change({ text: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            void submit();
          }}
        />
        <button type="submit" class="icon-only" aria-label="Send" aria-busy={busy} disabled={busy}>
          <Icon name="send" />
        </button>
      </div>
      {text.length > LONG && (
        <small class="muted">
          {count(text.length)} of {count(LONGEST)} characters
        </small>
      )}
    </form>
  );
}
