// WhatsApp's modules that send: messages, edits, revokes, reactions.

import { contentOf, editAttributes } from '../content.js';
import { defineModule } from '../loader.js';
import { MsgKey } from '../msgkey.js';
import { ask } from '../socket.js';
import { myIdFor } from '../session.js';
import { ACK, now } from './basics.js';
import { Cmd } from './connection.js';
import { Msg, messages } from './messages.js';
import { addReaction } from './reactions.js';

const EDIT_WITHIN_S = 20 * 60;
const CAPTIONED = new Set(['image', 'video', 'document']);

const send = (chat, id, content, quoted) =>
  ask({ t: 'send', id, chat: String(chat.id), content, quoted_id: quoted ?? undefined });

/** A message appears in its chat at once, and goes out; the second promise tells what became of it. */
export function addAndSendMsgToChat(chat, raw) {
  const message = raw instanceof Msg ? raw : new Msg({ ...raw, sender: raw.sender ?? raw.from });
  if (message.mediaData) message.mediaData.message = message;
  messages.add(message);
  chat.msgs.add(message);
  chat.set({ t: message.t });
  const sent = send(chat, message.id.id, contentOf(message.attributes), message.quotedStanzaID).then(
    ({ timestamp }) => {
      const t = Math.floor(timestamp / 1000);
      message.set({ ack: Math.max(message.ack, ACK.SENT), t });
      return { messageSendResult: 'OK', t, count: 1 };
    },
    (error) => {
      message.set({ ack: ACK.FAILED });
      return { messageSendResult: 'ERROR_UNKNOWN', t: null, count: null, error: { code: error.code, text: error.message } };
    },
  );
  return [Promise.resolve(message), sent];
}
defineModule('WAWebSendMsgChatAction', { addAndSendMsgToChat });

const isYoung = (message) => now() - message.t < EDIT_WITHIN_S;
const canEditText = (message) => message.id.fromMe && message.type === 'chat' && isYoung(message);
const canEditCaption = (message) => message.id.fromMe && CAPTIONED.has(message.type) && isYoung(message);
const isAdminOf = (message) => Boolean(message.chat?.groupMetadata?.participants.iAmAdmin());
defineModule('WAWebMsgActionCapability', {
  canEditText,
  canEditCaption,
  canEditMsg: (message) => canEditText(message) || canEditCaption(message),
  canReplyMsg: (message) => message.canReply(),
  canSenderRevokeMsg: (message) => message.id.fromMe && message.type !== 'revoked',
  canAdminRevokeMsg: (message) => message.id.remote.isGroup() && isAdminOf(message) && message.type !== 'revoked',
});

async function edit(message, id, body) {
  const { timestamp } = await send(message.chat, id, { type: 'edit', target_id: message.id.id, body });
  message.set(editAttributes(message, { id, body, at: timestamp }));
}
defineModule('WAWebSendMessageEditAction', {
  addAndSendMessageEdit: (message, raw) => edit(message, raw.id.id, raw.body ?? raw.caption),
  sendMessageEdit: (message, body) => edit(message, MsgKey.newId(), body),
});

async function sendRevokeMsgs(chat, { list }) {
  for (const message of list) {
    await send(chat, MsgKey.newId(), { type: 'revoke', target_id: message.id.id });
    message.set({ type: 'revoked', subtype: message.id.fromMe ? 'sender' : 'admin', body: undefined, caption: undefined });
  }
}

async function sendDeleteMsgs(chat, { list }) {
  for (const message of list) {
    chat.msgs.remove(message);
    messages.remove(message);
  }
}
Object.assign(Cmd, { sendRevokeMsgs, sendDeleteMsgs });

async function sendReactionToMsg(message, emoji) {
  const id = MsgKey.newId();
  const { timestamp } = await send(message.chat, id, { type: 'reaction', target_id: message.id.id, emoji });
  const me = myIdFor(message.id.remote);
  const key = new MsgKey({ fromMe: true, remote: message.id.remote, id, participant: me });
  addReaction({ key, target: message.id, sender: me, emoji, at: timestamp });
  return 'OK';
}
defineModule('WAWebSendReactionMsgAction', { sendReactionToMsg });
