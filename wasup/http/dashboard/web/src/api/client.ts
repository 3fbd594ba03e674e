/** The API, typed by its OpenAPI document. The session's cookie goes along by itself; changes carry its CSRF token. */

import createClient from "openapi-fetch";
import { labelOf } from "../lib/format";
import type { paths } from "./schema";
import type { Overview, ProblemDetails } from "./types";

/** What is wrong with one field of what was sent. */
export interface Fault {
  field: string;
  detail: string;
}

/** An answer that is not the one hoped for; its message is the API's own words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly retryAfter: number | null = null,
    readonly fault: Fault | null = null,
  ) {
    super(message);
  }
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

let csrfToken = "";
let onUnauthorized = (): void => undefined;

/** What changes are signed with from now on, and whom to tell that the session is over. */
export function useCredentials(token: string, unauthorized: () => void): void {
  csrfToken = token;
  onUnauthorized = unauthorized;
}

/** The header that a change carries. */
export const csrf = (): Record<string, string> => ({ "X-CSRF-Token": csrfToken });

export const api = createClient<paths>({ baseUrl: "/", credentials: "same-origin" });

api.use({
  onRequest({ request }) {
    if (request.method !== "GET" && request.method !== "HEAD") request.headers.set("X-CSRF-Token", csrfToken);
    return request;
  },
  onResponse({ response }) {
    if (response.status === 401) onUnauthorized();
    return response;
  },
  onError() {
    return new ApiError(0, "wasup cannot be reached. Is it running, and are you online?");
  },
});

/** What was asked for; throws ApiError in place of any other answer. */
export async function unwrap<T>(asked: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await asked;
  if (error === undefined && response.ok) return data as T;
  throw problemOf(response, error);
}

/** A file, as a blob; throws ApiError. */
export async function fetchBlob(path: string, signal?: AbortSignal): Promise<Blob> {
  const response = await fetch(path, { credentials: "same-origin", signal: signal ?? null });
  if (response.ok) return response.blob();
  if (response.status === 401) onUnauthorized();
  throw problemOf(response, await response.json().catch(() => null));
}

/** The words of any error. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function problemOf(response: Response, body: unknown): ApiError {
  const problem = (typeof body === "object" && body !== null ? body : {}) as Partial<ProblemDetails>;
  const retryAfter = Number(response.headers.get("Retry-After")) || null;
  const fault = faultOf(problem);
  const plain = problem.detail ?? problem.title ?? `wasup answered ${response.status}.`;
  const told = fault ? `${labelOf(fault.field)}: ${fault.detail}` : plain;
  return new ApiError(response.status, retryAfter ? `${told} Try again in ${retryAfter} s.` : told, retryAfter, fault);
}

/** The first field that is pointed at, `#/rate_per_key` or a parameter; null where it is the whole that is wrong. */
function faultOf({ errors = [] }: Partial<ProblemDetails>): Fault | null {
  const [first] = errors;
  const field = first?.pointer?.split("/")[1] ?? first?.parameter;
  return first && field ? { field, detail: first.detail } : null;
}

/** Figures of one workspace; of all that the key may see without. */
export const fetchOverview = (workspace?: number): Promise<Overview> =>
  unwrap(api.GET("/api/overview", { params: { query: { ...(workspace && { workspace_id: workspace }) } } }));
