/** What happens, as it happens: components subscribe to topics, and one stream serves them all. */

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { EventStream, type Frame, type Topic } from "../api/stream";
import { checkSession } from "./session";

interface Subscription {
  topics: readonly Topic[];
  account: number | undefined;
  onFrame: (frame: Frame) => void;
}

export type LiveState = "idle" | "connecting" | "live" | "reconnecting";

export const liveState = signal<LiveState>("idle");

const subscriptions = new Set<Subscription>();
let stream: EventStream | null = null;
let wanted = "";
let scope = "";
let planned = false;

function deliver(frame: Frame): void {
  for (const one of [...subscriptions]) {
    if (frame.event === "gap") one.onFrame(frame);
    else if (!one.topics.includes(frame.event)) continue;
    else if (frame.event === "supervision" || one.account === undefined || frame.data.account_id === one.account) {
      one.onFrame(frame);
    }
  }
}

/** Has everybody fetch anew what a stream that begins now has not told. */
function catchUp(): void {
  deliver({ event: "gap", data: { reason: "The stream began anew." } });
}

/**
 * Opens the stream that all subscribers need together. It goes on where the last one was if that was of the same
 * accounts, as a cursor is only good for those; otherwise it begins now.
 */
function refresh(): void {
  planned = false;
  const all = [...subscriptions];
  const topics = [...new Set(all.flatMap((one) => one.topics))].sort();
  const narrow = all.every((one) => one.account !== undefined);
  const accounts = narrow ? [...new Set(all.flatMap((one) => one.account ?? []))].sort((a, b) => a - b) : [];
  const next = JSON.stringify([topics, accounts]);
  if (next === wanted) return;
  wanted = next;
  const cursor = scope === accounts.join() ? (stream?.cursor ?? "") : "";
  scope = accounts.join();
  stream?.close();
  stream = null;
  liveState.value = topics.length > 0 ? "connecting" : "idle";
  if (topics.length === 0) return;
  const listener = {
    onFrame: deliver,
    onOpen: (resumed: boolean) => {
      liveState.value = "live";
      if (!resumed) catchUp();
    },
    onBreak: () => {
      liveState.value = "reconnecting";
      void checkSession();
    },
  };
  stream = new EventStream(topics, accounts, listener, cursor);
}

function subscribe(one: Subscription): () => void {
  subscriptions.add(one);
  plan();
  return () => {
    subscriptions.delete(one);
    plan();
  };
}

/** Once for all that mount and unmount together, as when a page gives way to another. */
function plan(): void {
  if (planned) return;
  planned = true;
  window.setTimeout(refresh, 0);
}

/** Calls `onFrame` for events of these topics (and for gaps), of one account or of all, while the component is there. */
export function useEvents(topics: readonly Topic[], onFrame: (frame: Frame) => void, account?: number): void {
  const latest = useRef(onFrame);
  latest.current = onFrame;
  const key = topics.join(",");
  useEffect(() => {
    if (key === "") return undefined;
    return subscribe({ topics: key.split(",") as Topic[], account, onFrame: (frame) => latest.current(frame) });
  }, [key, account]);
}
