/** Sending messages: text as it is; files are uploaded first and sent as what they are. */

import { api, csrf, problemOf, unwrap } from "../api/client";
import type { paths } from "../api/schema";
import type { Account, Message, Uploaded } from "../api/types";

/** A key under which a message is sent at most once, however often it is tried. */
export function idempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // there also without https, unlike randomUUID
  return `dashboard-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

async function upload(account: Account, file: File): Promise<Uploaded> {
  const response = await fetch(`/api/media?workspace_id=${account.workspace_id}`, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": file.type || "application/octet-stream", ...csrf() },
    body: file,
  });
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw problemOf(response, body);
  return body as Uploaded;
}

type SendBody = paths["/api/messages"]["post"]["requestBody"]["content"]["application/json"];

interface Outgoing {
  to: string;
  text: string;
  file: File | null;
  key: string;
}

/** What the file is best sent as, with the text as its caption where there can be one. */
function mediaBody({ id, kind }: Uploaded, file: File, text: string, whom: { to: string; account_id: number }): SendBody {
  switch (kind) {
    case "image":
      return { ...whom, type: "image", image: { id, caption: text } };
    case "video":
      return { ...whom, type: "video", video: { id, caption: text } };
    case "audio":
    case "voice":
      return { ...whom, type: "audio", audio: { id } };
    default:
      return { ...whom, type: "document", document: { id, caption: text, filename: file.name, mime: file.type || null } };
  }
}

export async function send(account: Account, { to, text, file, key }: Outgoing): Promise<Message> {
  const whom = { to, account_id: account.id };
  const body: SendBody = file
    ? mediaBody(await upload(account, file), file, text, whom)
    : { ...whom, type: "text", text: { body: text } };
  return unwrap(api.POST("/api/messages", { params: { header: { "Idempotency-Key": key } }, body }));
}
