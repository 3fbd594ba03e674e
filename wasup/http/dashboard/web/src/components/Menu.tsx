/** A button that opens a list of further actions. */

import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./Icon";

export interface Action {
  name: string;
  run: () => unknown;
  danger?: boolean;
}

export function Menu({ label, actions }: { label: string; actions: readonly Action[] }) {
  const details = useRef<HTMLDetailsElement>(null);
  const close = (): void => {
    if (details.current) details.current.open = false;
  };
  useEffect(() => {
    const outside = (event: Event): void => {
      if (event.target instanceof Node && !details.current?.contains(event.target)) close();
    };
    const escape = (event: KeyboardEvent): void => {
      if (event.key !== "Escape" || !details.current?.open) return;
      close();
      details.current.querySelector("summary")?.focus();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("keydown", escape);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("keydown", escape);
    };
  }, []);
  return (
    <details class="menu" ref={details}>
      <summary role="button" class="quiet icon-only" aria-label={label} title={label}>
        <Icon name="more" />
      </summary>
      <ul>
        {actions.map((action) => (
          <li key={action.name}>
            <button
              type="button"
              class={action.danger ? "plain danger" : "plain"}
              onClick={() => {
                close();
                action.run();
              }}
            >
              {action.name}
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
