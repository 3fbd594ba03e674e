/** What is around every page: navigation, the stream's state, theme and sign-out. */

import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso";
import { can, isAdmin, session, signOut } from "../state/session";
import { liveState, type LiveState } from "../state/live";
import { nextTheme, theme } from "../state/theme";
import { ConfirmHost } from "./Confirm";
import { Icon, type IconName } from "./Icon";
import { Toasts } from "./Toasts";

const PLACES: readonly { path: string; name: string; icon: IconName; manage?: true }[] = [
  { path: "/dashboard/", name: "Overview", icon: "overview" },
  { path: "/dashboard/accounts", name: "Accounts", icon: "accounts" },
  { path: "/dashboard/supervision", name: "Supervision", icon: "supervision", manage: true },
  { path: "/dashboard/webhooks", name: "Webhooks", icon: "webhooks", manage: true },
  { path: "/dashboard/settings", name: "Settings", icon: "settings", manage: true },
];

const LIVE_WORDS: Record<LiveState, string> = {
  idle: "",
  connecting: "Connecting…",
  live: "Live",
  reconnecting: "Reconnecting…",
};

const THEME_ICONS = { system: "system", light: "sun", dark: "moon" } as const;

function Navigation() {
  const { path } = useLocation();
  const current = (place: string): boolean =>
    place === "/dashboard/" ? path === place || path === "/dashboard" : path.startsWith(place);
  return (
    <nav aria-label="Pages" class="places">
      <ul>
        {PLACES.filter((place) => !place.manage || can("manage")).map((place) => (
          <li key={place.path}>
            <a href={place.path} aria-current={current(place.path) ? "page" : undefined}>
              <Icon name={place.icon} />
              <span>{place.name}</span>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Tools() {
  const workspace = session.value?.workspace_id;
  return (
    <div class="tools">
      <p class={`live ${liveState.value}`} role="status">
        {LIVE_WORDS[liveState.value]}
      </p>
      <p class="whoami">{isAdmin.value ? "Admin, all workspaces" : `Workspace ${String(workspace ?? "")}`}</p>
      <button
        type="button"
        class="quiet icon-only"
        aria-label={`Theme: ${theme.value}`}
        title={`Theme: ${theme.value}`}
        onClick={nextTheme}
      >
        <Icon name={THEME_ICONS[theme.value]} />
      </button>
      <button type="button" class="quiet icon-only" aria-label="Sign out" title="Sign out" onClick={() => void signOut()}>
        <Icon name="leave" />
      </button>
    </div>
  );
}

export function Shell({ children }: { children: ComponentChildren }) {
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="bar">
        <a class="brand" href="/dashboard/">
          <img src="/dashboard/icon.svg" alt="" width="28" height="28" />
          wasup
        </a>
        <Navigation />
        <Tools />
      </header>
      <main id="main" tabIndex={-1}>
        {liveState.value === "reconnecting" && (
          <div class="note warn" role="status">
            <p>Reconnecting to wasup… What you see may be old. Nothing is lost: what you missed is shown after that.</p>
          </div>
        )}
        {children}
      </main>
      <Toasts />
      <ConfirmHost />
    </div>
  );
}
