/** An account's chats beside the one that is open; on a phone, one after the other. */

import { useState } from "preact/hooks";
import { api, unwrap } from "../../api/client";
import type { Account, Chat } from "../../api/types";
import { Icon } from "../../components/Icon";
import { More } from "../../components/More";
import { Empty } from "../../components/Notes";
import { Ago } from "../../components/Time";
import { useCalm } from "../../lib/calm";
import { count, person } from "../../lib/format";
import { usePages } from "../../lib/resource";
import { useEvents } from "../../state/live";
import { can } from "../../state/session";
import { NewChat } from "./NewChat";
import { Thread } from "./Thread";

const CALM = 200; // ms: many messages at once refresh the list once

export const chatName = (chat: Chat): string => chat.contact_name ?? chat.contact_phone ?? person(chat.jid);

function ChatLink({ chat, open }: { chat: Chat; open: boolean }) {
  return (
    <a
      href={`/dashboard/accounts/${chat.whatsapp_account_id}/chats/${chat.id}`}
      aria-current={open ? "true" : undefined}
      class="chat-link"
    >
      <span class="chat-name">
        <strong>{chatName(chat)}</strong>
        <small class="muted">{chat.last_message_at !== null && <Ago at={chat.last_message_at} />}</small>
      </span>
      <span class="chat-last muted">
        <span>{chat.last_message ?? ""}</span>
        {chat.unread_count > 0 && (
          <span class="count">
            {count(chat.unread_count)}
            <span class="hidden"> unread</span>
          </span>
        )}
      </span>
    </a>
  );
}

export function Chats({ account, chat }: { account: Account; chat: string | undefined }) {
  const pages = usePages(account.id, (cursor) =>
    unwrap(
      api.GET("/api/accounts/{account_id}/chats", {
        params: { path: { account_id: account.id }, query: cursor ? { cursor } : {} },
      }),
    ),
  );
  const [arrived, setArrived] = useState("");
  const refresh = useCalm(CALM, pages.reload);
  useEvents(
    ["message.received", "message.sent", "chat.synced"],
    (frame) => {
      refresh();
      if (frame.event === "message.received" && frame.data.data.event === "message.received") {
        const { sender_name, chat_name, sender } = frame.data.data;
        setArrived(`New message from ${sender_name ?? chat_name ?? person(sender)}`);
      }
    },
    account.id,
  );
  const open = pages.rows.find((row) => String(row.id) === chat);
  return (
    <div class={`chats ${chat ? "has-open" : ""}`}>
      <p class="hidden" role="status">
        {arrived}
      </p>
      <nav class="chat-list card" aria-label="Chats">
        {can("send") && (
          <a class="new-chat" href={`/dashboard/accounts/${account.id}/chats/new`}>
            <Icon name="plus" /> New message
          </a>
        )}
        <ul>
          {pages.rows.map((row) => (
            <li key={row.id}>
              <ChatLink chat={row} open={row === open} />
            </li>
          ))}
        </ul>
        {pages.rows.length === 0 && !pages.loading && !pages.error && (
          <Empty title="No chats yet">
            <p>Messages appear here as they arrive.</p>
          </Empty>
        )}
        <More pages={pages} what="chats" />
      </nav>
      {chat === undefined && <p class="card thread-none muted">Choose a chat to read and answer.</p>}
      {chat === "new" && <NewChat account={account} onSent={pages.reload} />}
      {chat !== undefined && chat !== "new" && (
        <Thread key={chat} account={account} chatId={Number(chat)} listed={open} onRead={pages.reload} />
      )}
    </div>
  );
}
