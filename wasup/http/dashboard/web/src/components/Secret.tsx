/** Text that is to be copied; and one that is shown this one time. */

import { useId, useState } from "preact/hooks";
import { Icon } from "./Icon";

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // no permission, or a page without https: the text stays selectable
  }
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [state, setState] = useState<"" | "Copied" | "Select it and copy by hand">("");
  const onClick = async (): Promise<void> => {
    setState((await copy(text)) ? "Copied" : "Select it and copy by hand");
    window.setTimeout(() => setState(""), 3000);
  };
  return (
    <button type="button" class="quiet small" onClick={() => void onClick()}>
      <Icon name={state === "Copied" ? "check" : "copy"} /> <span aria-live="polite">{state || label}</span>
    </button>
  );
}

interface SecretProps {
  label: string;
  value: string;
  note: string;
}

export function SecretOnce({ label, value, note }: SecretProps) {
  const id = useId();
  return (
    <div class="secret">
      <label for={id}>{label}</label>
      <input id={id} class="mono" readOnly value={value} onFocus={(event) => event.currentTarget.select()} />
      <div class="actions">
        <CopyButton text={value} label="Copy" />
        <small>{note}</small>
      </div>
    </div>
  );
}
