// WhatsApp's message record and the collection of all messages.

import { BaseCollection } from '../collection.js';
import { defineModule, exportsOf } from '../loader.js';
import { BaseModel } from '../model.js';
import { myIdFor } from '../session.js';
import { ACK, now } from './basics.js';
import { contactOf } from './contacts.js';

export class Msg extends BaseModel {
  static defaults() {
    return { ack: ACK.CLOCK, isNewMsg: false, star: false, isEphemeral: false, isStatusV3: false };
  }

  get chat() {
    return this.id && exportsOf('WAWebChatCollection').ChatCollection.get(this.id.remote);
  }

  get senderObj() {
    const sender = this.id?.fromMe ? myIdFor(this.id.remote) : this.sender;
    return sender && contactOf(sender);
  }

  updateAck(ack) {
    this.set({ ack });
  }

  canReply() {
    return this.type !== 'revoked';
  }

  avParams() {
    return {};
  }

  /** What an answer to this message carries. */
  msgContextInfo() {
    return {
      quotedMsg: { type: this.type, body: this.body, caption: this.caption },
      quotedStanzaID: this.id.id,
      quotedParticipant: this.id.fromMe ? myIdFor(this.id.remote) : this.sender,
    };
  }

  downloadMedia() {
    return exportsOf('WAWebDownloadManager').downloadForMessage(this);
  }
}
Msg.prototype.proxyName = 'msg';
defineModule('WAWebMsgModel', { Msg });

class MsgCollectionImpl extends BaseCollection {
  static model = Msg;

  /** Messages arrive in a chat. Libraries wrap this: call it on the collection. */
  async processMultipleMessages(chatId, messages) {
    const { ChatCollection } = exportsOf('WAWebChatCollection');
    const chat = ChatCollection.get(chatId) ?? ChatCollection.add({ id: chatId, t: now() });
    const added = [];
    for (const attributes of messages) {
      if (attributes.type === 'protocol') continue; // it is about another message, which its sender changes
      added.push(this.#put(chat, attributes));
    }
    return added;
  }

  #put(chat, attributes) {
    const known = this.get(attributes.id);
    if (known) return known;
    const message = new Msg(attributes);
    chat.msgs.add(message, { silent: true });
    if (message.isNewMsg) {
      chat.set({ t: message.t, unreadCount: message.id.fromMe ? chat.unreadCount : Math.max(chat.unreadCount, 0) + 1 });
    }
    return this.add(message);
  }

  async getMessagesById(ids) {
    const { messageOf } = exportsOf('WAWebChatMessageSearch');
    const found = await Promise.all(ids.map((id) => this.get(id) ?? messageOf(id)));
    return { messages: found.filter(Boolean) };
  }
}
export const messages = new MsgCollectionImpl();
defineModule('WAWebMsgCollection', { MsgCollection: messages, MsgCollectionImpl });

/** A message of ours or theirs by its bare id, wherever the key puts its sender. */
export function messageIn(chatId, id, fromMe) {
  const chat = exportsOf('WAWebChatCollection').ChatCollection.get(chatId);
  return chat?.msgs.findFirst((one) => one.id.id === id && (fromMe === undefined || one.id.fromMe === fromMe));
}

defineModule('WAWebMsgGetters', {
  getQuotedMsgObj: (message) =>
    (message.quotedStanzaID && messageIn(message.id.remote, message.quotedStanzaID)) ?? null,
  getIsUnreadType: () => true,
  getAsMms: (message) => message,
});
defineModule('WAWebMsgReply', { canReplyMsg: (message) => message.canReply() });
defineModule('WAWebMsgDataFromModel', { msgDataFromMsgModel: (message) => message.attributes });
