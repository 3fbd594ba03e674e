/** One message: what it says or shows, when, and how far it got. */

import type { Message } from "../../api/types";
import { person, timeOf, words } from "../../lib/format";
import { Contents } from "./Contents";

const MARKS: Readonly<Record<string, string>> = {
  queued: "◷", sending: "◷", sent: "✓", delivered: "✓✓", read: "✓✓", failed: "!",
};

export function Bubble({ message, group }: { message: Message; group: boolean }) {
  const { from_me, status, error, content, revoked_at, edited_at } = message;
  return (
    <article class={`bubble ${from_me ? "mine" : "theirs"} ${status}`} aria-label={from_me ? "Sent" : "Received"}>
      {group && !from_me && message.sender && <small class="sender">{person(message.sender)}</small>}
      {revoked_at === null ? <Contents id={message.id} content={content} /> : <p class="muted">Deleted for everyone</p>}
      <footer>
        {edited_at !== null && "edited "}
        <time dateTime={new Date(message.timestamp).toISOString()}>{timeOf(message.timestamp)}</time>
        {from_me && (
          <span class="mark">
            <span aria-hidden="true">{MARKS[status] ?? ""}</span> {words(status)}
          </span>
        )}
      </footer>
      {error && <small class="failure">{error}</small>}
    </article>
  );
}
