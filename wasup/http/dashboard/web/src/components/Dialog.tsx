/** A window of its own, in which the keyboard stays; Escape closes it. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Icon } from "./Icon";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const label = useId();
  useEffect(() => {
    element.current?.showModal();
    element.current?.querySelector<HTMLElement>("form :is(input, select, textarea)")?.focus();
  }, []);
  return (
    <dialog ref={element} aria-labelledby={label} onClose={onClose}>
      <article>
        <header class="dialog-head">
          <h2 id={label}>{title}</h2>
          <button type="button" class="quiet icon-only" aria-label="Close" onClick={() => element.current?.close()}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </article>
    </dialog>
  );
}
