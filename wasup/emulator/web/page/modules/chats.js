// WhatsApp's chats: the record, the collection, finding or opening one, reading it.

import { BaseCollection } from '../collection.js';
import { defineModule, defineValue, exportsOf } from '../loader.js';
import { BaseModel } from '../model.js';
import { ask } from '../socket.js';
import { learnPair, otherIdentity } from '../session.js';
import { Wid } from '../wid.js';
import { Cmd } from './connection.js';
import { contactOf, contacts, queryExists } from './contacts.js';
import { groups } from './groups.js';
import { Msg } from './messages.js';

export class ChatMsgsCollection extends BaseCollection {
  static model = Msg;

  msgLoadState = { noEarlierMsgs: false, isLoadingEarlierMsgs: false, isLoadingAroundMsgs: false };
}
defineModule('WAWebChatMsgsCollection', { ChatMsgsCollection });

class Chat extends BaseModel {
  static defaults() {
    return {
      unreadCount: 0, archive: false, pin: 0, t: 0, isReadOnly: false, active: false, labels: [], isParentGroup: false,
      msgs: new ChatMsgsCollection(), mute: { expiration: 0, isMuted: false },
    };
  }

  get contact() {
    return this.id && contactOf(this.id);
  }

  get groupMetadata() {
    return this.id?.isGroup() ? groups.get(this.id) : undefined;
  }

  get formattedTitle() {
    if (!this.id) return undefined;
    return this.groupMetadata?.subject ?? contacts.get(this.id)?.name ?? this.name ?? `+${this.id.user}`;
  }

  get presence() {
    return this.id && exportsOf('WAWebPresenceCollection').PresenceCollection.gadd(this.id);
  }

  get lastReceivedKey() {
    return this.msgs?.last()?.id;
  }

  getAllMsgs() {
    return this.msgs.getModelsArray();
  }
}
Chat.prototype.proxyName = 'chat';
defineModule('WAWebChatModel', { Chat });

class ChatCollectionImpl extends BaseCollection {
  static model = Chat;

  active() {
    return this.findFirst((chat) => chat.active);
  }
}
export const chats = new ChatCollectionImpl();
defineModule('WAWebChatCollection', { ChatCollection: chats, ChatCollectionImpl });

class NewsletterCollection extends BaseCollection {
  static model = Chat;
}
export const newsletters = new NewsletterCollection();
defineValue('WAWebNewsletterCollection', newsletters);

/** A chat as the emulator tells it. */
export function putChat({ id, alt, name, unread_count: unread, last_message_at: lastAt, archived }) {
  learnPair(id, alt);
  const told = { id: new Wid(id), name, archive: archived, unreadCount: unread };
  if (lastAt !== undefined) told.t = Math.floor(lastAt / 1000);
  const known = Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
  return chats.add(known, { merge: true });
}

const existing = (wid) => {
  const other = wid.isUser() && otherIdentity(wid);
  return chats.get(wid) ?? (other ? chats.get(other) : undefined);
};

// One person has one chat, whichever identity it was asked for by.
async function findOrCreateLatestChat(wid) {
  const known = existing(wid);
  if (known) return { chat: known, created: false };
  const found = wid.isUser() ? await queryExists(wid) : null;
  if (!found) throw new Error(`No LID for user: ${wid} is not on WhatsApp`);
  return { chat: chats.gadd(found.wid), created: true };
}
defineModule('WAWebFindChatAction', { findOrCreateLatestChat, findExistingChat: async (wid) => existing(wid) });

async function sendSeen({ chat }) {
  if (!chat.unreadCount) return;
  const unread = chat.msgs.filter((one) => !one.id.fromMe).slice(-Math.max(chat.unreadCount, 1));
  chat.set({ unreadCount: 0 });
  await ask({ t: 'read', chat: String(chat.id), ids: unread.map((one) => one.id.id) });
}
defineModule('WAWebUpdateUnreadChatAction', {
  sendSeen, markUnread: async (chat) => chat.set({ unreadCount: -1 }),
});

const isTrue = () => true;
const isFalse = () => false;
defineModule('WAWebChatGetters', {
  getIsNewsletter: (chat) => chat.id.isNewsletter(),
  getIsBroadcast: (chat) => chat.id.isBroadcast() || chat.id.isStatus(),
  getIsGroup: (chat) => chat.id.isGroup(),
  getIsUser: (chat) => chat.id.isUser(),
  getHasUnread: (chat) => chat.unreadCount !== 0,
  getShouldAppearInList: isTrue,
  getPreviewMessage: (chat) => chat.msgs.last(),
  getShowChangeNumberNotification: isFalse,
  getShouldShowUnreadDivider: isFalse,
});
defineModule('WAWebGetEphemeralFieldsMsgActionsUtils', { getEphemeralFields: () => ({}) });

async function open({ chat }) {
  for (const one of chats) one.set({ active: one === chat });
  return true;
}
Object.assign(Cmd, { openChatBottom: open, openChatAt: open, openChatFromUnread: open });
