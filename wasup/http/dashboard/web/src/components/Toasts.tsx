import { dismiss, toasts } from "../state/toasts";
import { Icon } from "./Icon";

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite" aria-label="Notices">
      {toasts.value.map((toast) => (
        <div key={toast.id} class={`toast ${toast.kind}`}>
          <span>{toast.text}</span>
          <button type="button" class="quiet icon-only" aria-label="Dismiss" onClick={() => dismiss(toast.id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
