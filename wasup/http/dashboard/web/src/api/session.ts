/** The dashboard's session: an API key goes in once, a cookie that scripts cannot read comes back. */

import { ApiError, problemOf } from "./client";
import type { Scope } from "./types";

const PATH = "/api/dashboard/session";

export interface Session {
  csrf: string;
  workspace_id: number | null;
  scopes: Scope[];
  expires_at: number;
}

async function ask(init: RequestInit): Promise<Response> {
  try {
    return await fetch(PATH, { credentials: "same-origin", ...init });
  } catch {
    throw new ApiError(0, "wasup cannot be reached. Is it running, and are you online?");
  }
}

async function read(response: Response): Promise<Session> {
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw problemOf(response, body);
  return body as Session;
}

export async function openSession(key: string): Promise<Session> {
  const headers = { "Content-Type": "application/json" };
  return read(await ask({ method: "POST", headers, body: JSON.stringify({ key }) }));
}

/** The session that the browser still has a cookie of; null if none. */
export async function currentSession(): Promise<Session | null> {
  const response = await ask({ method: "GET" });
  return response.status === 401 ? null : read(response);
}

export async function closeSession(csrf: string): Promise<void> {
  await ask({ method: "DELETE", headers: { "X-CSRF-Token": csrf } });
}
