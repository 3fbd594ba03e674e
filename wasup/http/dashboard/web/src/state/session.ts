/** Who is using the dashboard, and what they may do. */

import { computed, signal } from "@preact/signals";
import { useCredentials, wordsOf } from "../api/client";
import { closeSession, currentSession, openSession, type Session } from "../api/session";
import type { Scope } from "../api/types";

/** undefined until it is known, null when nobody is signed in. */
export const session = signal<Session | null | undefined>(undefined);
export const restoreError = signal("");

/** Whether the key belongs to no workspace and may change everything. */
export const isAdmin = computed(() => can("admin") && session.value?.workspace_id === null);

/** Whether the key may do this kind of thing; `admin` includes the others. */
export function can(scope: Scope): boolean {
  const scopes = session.value?.scopes ?? [];
  return scopes.includes(scope) || scopes.includes("admin");
}

function enter(found: Session | null): void {
  useCredentials(found?.csrf ?? "", () => {
    session.value = null;
  });
  session.value = found;
}

export async function signIn(key: string): Promise<void> {
  enter(await openSession(key));
}

export async function restoreSession(): Promise<void> {
  restoreError.value = "";
  try {
    enter(await currentSession());
  } catch (error) {
    restoreError.value = wordsOf(error);
  }
}

/** Notices that the session is over: revoked, expired, or ended elsewhere. */
export async function checkSession(): Promise<void> {
  const found = await currentSession().catch(() => undefined); // away is not over
  if (found === null) enter(null);
}

export async function signOut(): Promise<void> {
  const csrf = session.value?.csrf ?? "";
  await closeSession(csrf).catch(() => undefined);
  enter(null);
}
