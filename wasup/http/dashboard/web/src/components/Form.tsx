/** A form that is sent once at a time and shows the API's own words when it is refused. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { wordsOf } from "../api/client";
import { ErrorNote } from "./Notes";

interface FormProps {
  action: string;
  onSubmit: (data: FormData) => Promise<void>;
  onCancel?: () => void;
  children?: ComponentChildren;
  label?: string;
}

export function Form({ action, onSubmit, onCancel, children, label }: FormProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError("");
    try {
      await onSubmit(new FormData(event.target as HTMLFormElement));
    } catch (refused) {
      setError(wordsOf(refused));
    }
    setBusy(false);
  };
  return (
    <form aria-label={label} onSubmit={(event) => void submit(event)}>
      {children}
      <ErrorNote text={error} />
      <div class="actions end">
        {onCancel && (
          <button type="button" class="quiet" onClick={onCancel}>
            Cancel
          </button>
        )}
        <button type="submit" aria-busy={busy} disabled={busy}>
          {action}
        </button>
      </div>
    </form>
  );
}

/** A field's text without space around it; null if there is none. */
export function textOf(data: FormData, name: string): string | null {
  const value = data.get(name);
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
}
