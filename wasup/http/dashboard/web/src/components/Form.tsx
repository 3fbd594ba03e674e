/** A form that is sent once at a time; when it is refused, it says why, and shows at which field. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ApiError, wordsOf } from "../api/client";
import { ErrorNote } from "./Notes";

interface FormProps {
  action: string;
  onSubmit: (data: FormData) => Promise<void>;
  onCancel?: () => void;
  children?: ComponentChildren;
  label?: string;
}

/** The words of an error. The field that it is about is marked, entered, and called as it is called there. */
function pointedOut(form: HTMLFormElement, error: unknown): string {
  const fault = error instanceof ApiError ? error.fault : null;
  const control = fault && form.elements.namedItem(fault.field);
  if (!fault || !(control instanceof HTMLElement)) return wordsOf(error);
  control.closest("details")?.setAttribute("open", "");
  control.setAttribute("aria-invalid", "true");
  control.focus();
  const label = control.closest("label")?.querySelector(".field-label")?.textContent;
  return label ? `${label}: ${fault.detail}` : wordsOf(error);
}

export function Form({ action, onSubmit, onCancel, children, label }: FormProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (busy) return;
    const form = event.target as HTMLFormElement;
    for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
    setBusy(true);
    setError("");
    try {
      await onSubmit(new FormData(form));
    } catch (refused) {
      setError(pointedOut(form, refused));
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
