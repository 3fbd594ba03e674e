/** Short notices of what was done, or could not be. */

import { signal } from "@preact/signals";
import { wordsOf } from "../api/client";

export interface Toast {
  id: number;
  text: string;
  kind: "done" | "error";
}

export const toasts = signal<readonly Toast[]>([]);

const SHOWN = { done: 5_000, error: 12_000 }; // ms
let count = 0;

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

export function notify(text: string, kind: Toast["kind"] = "done"): void {
  count += 1;
  const id = count;
  toasts.value = [...toasts.value.slice(-3), { id, text, kind }];
  window.setTimeout(() => dismiss(id), SHOWN[kind]);
}

/** Does it, and says how it went; true if it went well. */
export async function attempt(doing: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await doing();
  } catch (error) {
    notify(wordsOf(error), "error");
    return false;
  }
  if (done) notify(done);
  return true;
}
