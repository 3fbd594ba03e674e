/** One event stream of the server, kept open: it reconnects where it broke off, and says when it cannot. */

import type { Happening, StoredEvent } from "./types";

export const EVENT_TYPES = [
  "account.qr", "account.status", "chat.synced", "contact.synced", "group.updated",
  "message.received", "message.sent", "message.status", "sync.progress", "webhook.disabled",
] as const;

export type EventName = (typeof EVENT_TYPES)[number];
export type Topic = EventName | "supervision";

export type Frame =
  | { event: "supervision"; data: Happening }
  | { event: "gap"; data: { reason: string } }
  | { event: EventName; data: StoredEvent };

export interface StreamListener {
  onFrame(frame: Frame): void;
  /** `resumed` is false when something may have happened that this stream does not tell. */
  onOpen(resumed: boolean): void;
  onBreak(): void;
}

const FIRST_WAIT = 500; // ms
const LONGEST_WAIT = 15_000;
const SILENCE = 40_000; // ms without even a heartbeat, of which there is one every 15 s
const PATIENCE = 3; // tries with a cursor; it may be one that the server knows no more

export class EventStream {
  private source: EventSource | null = null;
  private timer = 0;
  private watch = 0;
  private wait = FIRST_WAIT;
  private failures = 0;

  /** `cursor` is where to go on; empty for "from now on". */
  constructor(
    private readonly topics: readonly Topic[],
    private readonly accounts: readonly number[],
    private readonly listener: StreamListener,
    public cursor = "",
  ) {
    this.open();
  }

  close(): void {
    window.clearTimeout(this.timer);
    window.clearTimeout(this.watch);
    this.source?.close();
    this.source = null;
  }

  private open(): void {
    const query = new URLSearchParams({ types: this.topics.join(",") });
    for (const id of this.accounts) query.append("account_id", String(id));
    if (this.cursor) query.set("cursor", this.cursor);
    const source = new EventSource(`/api/events/stream?${query.toString()}`);
    this.source = source;
    this.expectMore();
    const resumed = this.cursor !== "";
    source.onopen = () => {
      this.wait = FIRST_WAIT;
      this.failures = 0;
      this.listener.onOpen(resumed);
    };
    // The browser itself reconnects after a break, but neither after an error status nor with a growing wait.
    source.onerror = () => {
      this.failures += 1;
      if (this.failures >= PATIENCE) this.cursor = "";
      this.reopen();
    };
    source.addEventListener("heartbeat", (event) => this.note(event as MessageEvent<string>));
    for (const topic of [...this.topics, "gap"]) {
      source.addEventListener(topic, (event) => this.take(topic, event as MessageEvent<string>));
    }
    source.addEventListener("bye", (event) => {
      const { resume } = JSON.parse((event as MessageEvent<string>).data) as { resume?: string };
      if (resume) this.cursor = resume;
      this.reopen();
    });
  }

  private take(event: string, message: MessageEvent<string>): void {
    const data: unknown = JSON.parse(message.data);
    this.note(message);
    if (event === "gap") this.cursor = (data as { resume?: string }).resume ?? this.cursor;
    this.listener.onFrame({ event, data } as Frame);
  }

  private note(message: MessageEvent<string>): void {
    if (message.lastEventId) this.cursor = message.lastEventId;
    this.expectMore();
  }

  /** A connection whose other end is gone without a word breaks nothing by itself: silence does. */
  private expectMore(): void {
    window.clearTimeout(this.watch);
    this.watch = window.setTimeout(() => this.reopen(), SILENCE);
  }

  private reopen(): void {
    this.close();
    this.listener.onBreak();
    this.timer = window.setTimeout(() => this.open(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }
}
