/** "Are you sure?": `await confirmed(…)` anywhere, shown by the one `ConfirmHost`. */

import { signal } from "@preact/signals";
import { Dialog } from "./Dialog";

interface Question {
  title: string;
  text: string;
  action: string;
  answer: (yes: boolean) => void;
}

const question = signal<Question | null>(null);

/** Asks; true if it is to be done. `action` is what the button says. */
export function confirmed(title: string, text: string, action: string): Promise<boolean> {
  return new Promise((resolve) => {
    question.value?.answer(false);
    question.value = { title, text, action, answer: resolve };
  });
}

export function ConfirmHost() {
  const asked = question.value;
  if (asked === null) return null;
  const answer = (yes: boolean): void => {
    question.value = null;
    asked.answer(yes);
  };
  return (
    <Dialog title={asked.title} onClose={() => answer(false)}>
      <p>{asked.text}</p>
      <footer class="actions end">
        <button type="button" class="quiet" onClick={() => answer(false)}>
          Cancel
        </button>
        <button type="button" class="danger" onClick={() => answer(true)}>
          {asked.action}
        </button>
      </footer>
    </Dialog>
  );
}
