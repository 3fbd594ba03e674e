/** The messages of one chat, the newest at the bottom, arriving as they arrive. */

import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { api, unwrap } from "../../api/client";
import type { Frame } from "../../api/stream";
import type { Account, Chat, Message } from "../../api/types";
import { Icon } from "../../components/Icon";
import { ErrorNote, Loading } from "../../components/Notes";
import { useCalm } from "../../lib/calm";
import { dayOf } from "../../lib/format";
import { usePages, useResource } from "../../lib/resource";
import { useEvents } from "../../state/live";
import { can } from "../../state/session";
import { Bubble } from "./Bubble";
import { chatName } from "./Chats";
import { SendBox } from "./SendBox";

const CALM = 100; // ms: many messages at once are fetched once

interface ThreadProps {
  account: Account;
  chatId: number;
  listed: Chat | undefined;
  onRead: () => void;
}

const fetchPage = (chatId: number, cursor?: string): Promise<{ data: Message[]; next_cursor?: string | null }> =>
  unwrap(
    api.GET("/api/chats/{chat_id}/messages", {
      params: { path: { chat_id: chatId }, query: cursor ? { cursor } : {} },
    }),
  );

/** Newest first, each once; fresher versions take the place of older ones. */
function merged(old: Message[], fresh: Message[]): Message[] {
  const byId = new Map([...old, ...fresh].map((message) => [message.id, message]));
  return [...byId.values()].sort((a, b) => b.id - a.id);
}

function isOf(frame: Frame, chat: Chat): boolean {
  if (frame.event === "gap") return true;
  if (frame.event === "supervision" || !("chat" in frame.data.data)) return false;
  const { chat: jid, chat_lid } = frame.data.data;
  return jid === chat.jid || jid === chat.lid || (chat_lid !== undefined && chat_lid !== null && chat_lid === chat.lid);
}

export function Thread({ account, chatId, listed, onRead }: ThreadProps) {
  const fetched = useResource(chatId, () => unwrap(api.GET("/api/chats/{chat_id}", { params: { path: { chat_id: chatId } } })));
  const chat = listed ?? fetched.data;
  const pages = usePages(chatId, (cursor) => fetchPage(chatId, cursor));
  const scroller = useRef<HTMLDivElement>(null);
  const atBottom = useRef(true);

  const refresh = useCalm(CALM, () => {
    fetchPage(chatId).then(
      ({ data }) => pages.set((old) => merged(old, data)),
      () => undefined, // the next event asks again
    );
  });
  useEvents(
    ["message.received", "message.sent", "message.status"],
    (frame) => {
      if (chat && isOf(frame, chat)) refresh();
    },
    account.id,
  );

  // Whoever reads the newest stays at the bottom; whoever reads older ones stays where they are.
  const stay = (): void => {
    const element = scroller.current;
    if (element && atBottom.current) element.scrollTop = element.scrollHeight;
  };
  useLayoutEffect(stay, [pages.rows]);
  const unread = chat?.unread_count ?? 0;
  useEffect(() => {
    if (unread === 0 || !can("send") || account.status !== "connected" || document.hidden) return;
    const params = { path: { chat_id: chatId } };
    unwrap(api.POST("/api/chats/{chat_id}/read", { params, body: {} })).then(onRead, () => undefined);
  }, [unread, chatId, account.status]);

  const messages = [...pages.rows].reverse();
  return (
    <section class="card thread" aria-label={chat ? `Chat with ${chatName(chat)}` : "Chat"}>
      <header>
        <a class="back" href={`/dashboard/accounts/${account.id}/chats`} aria-label="Back to the chats">
          <Icon name="back" />
        </a>
        <h2>{chat ? chatName(chat) : "…"}</h2>
        {chat?.chat_type === "group" && <small class="muted">group</small>}
      </header>
      <div
        ref={scroller}
        class="messages"
        role="log"
        aria-label="Messages"
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by the keyboard
        tabIndex={0}
        onLoadCapture={stay} // pictures grow when they are there
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          atBottom.current = scrollHeight - scrollTop - clientHeight < 60;
        }}
      >
        {pages.more && (
          <button type="button" class="quiet small" aria-busy={pages.loading} onClick={pages.loadMore}>
            Show older messages
          </button>
        )}
        <ErrorNote text={pages.error || fetched.error} onRetry={pages.reload} />
        {pages.loading && messages.length === 0 && <Loading />}
        {messages.map((message, index) => {
          const day = dayOf(message.timestamp);
          const before = messages[index - 1];
          return (
            <div key={message.id} class="message-row">
              {(!before || dayOf(before.timestamp) !== day) && <p class="day">{day}</p>}
              <Bubble message={message} group={chat?.chat_type === "group"} />
            </div>
          );
        })}
      </div>
      {can("send") && chat && (
        <SendBox
          account={account}
          to={chat.jid}
          onSent={(message) => {
            atBottom.current = true;
            pages.set((old) => merged(old, [message]));
          }}
        />
      )}
    </section>
  );
}
