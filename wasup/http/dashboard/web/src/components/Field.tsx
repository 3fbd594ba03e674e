/** A labelled control with an optional hint; the control is the child. */

import type { ComponentChildren } from "preact";

interface FieldProps {
  label: string;
  hint?: string;
  children: ComponentChildren;
}

export function Field({ label, hint, children }: FieldProps) {
  return (
    <label class="field">
      <span class="field-label">{label}</span>
      {children}
      {hint && <small>{hint}</small>}
    </label>
  );
}
