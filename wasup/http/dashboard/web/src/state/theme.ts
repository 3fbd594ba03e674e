/** Light, dark, or as the system is. */

import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const KEY = "wasup-theme";
const ORDER: readonly Theme[] = ["system", "light", "dark"];
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function stored(): Theme {
  const value = window.localStorage.getItem(KEY);
  return ORDER.find((theme) => theme === value) ?? "system";
}

export const theme = signal<Theme>(stored());
/** What is shown now; drawings that are not made by style sheets depend on it. */
export const shownTheme = signal<"light" | "dark">("light");

function apply(): void {
  shownTheme.value = theme.value === "system" ? (dark.matches ? "dark" : "light") : theme.value;
  document.documentElement.dataset["theme"] = shownTheme.value;
}

export function nextTheme(): void {
  theme.value = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length] ?? "system";
  window.localStorage.setItem(KEY, theme.value);
  apply();
}

dark.addEventListener("change", apply);
apply();
