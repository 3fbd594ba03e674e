/** What stands where content is not there: loading, an error in words, or the next step for somebody new. */

import type { ComponentChildren } from "preact";

export function Loading({ what = "Loading" }: { what?: string }) {
  return (
    <p class="loading" role="status" aria-busy="true">
      {what}…
    </p>
  );
}

export function ErrorNote({ text, onRetry }: { text: string; onRetry?: () => void }) {
  if (!text) return null;
  return (
    <div class="note bad" role="alert">
      <p>{text}</p>
      {onRetry && (
        <button type="button" class="quiet small" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

interface EmptyProps {
  title: string;
  children?: ComponentChildren;
}

export function Empty({ title, children }: EmptyProps) {
  return (
    <div class="empty">
      <h3>{title}</h3>
      {children}
    </div>
  );
}
