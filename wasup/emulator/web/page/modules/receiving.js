// What happens to messages from outside: they arrive, are changed, taken back, reacted to, delivered and read.

import { attributesOf, editAttributes, keyOfMessage, senderOf, unsealing } from '../content.js';
import { defineModule, exportsOf } from '../loader.js';
import { learnPair } from '../session.js';
import { Wid, asWid } from '../wid.js';
import { ACK } from './basics.js';
import { contactOf } from './contacts.js';
import { messageIn, messages } from './messages.js';
import { addReaction } from './reactions.js';

const RECEIPT_ACKS = { delivered: [ACK.RECEIVED, 'delivery'], read: [ACK.READ, 'read'] };

/** A message item: most add a message, some are about another one. */
export async function receiveMessage(message) {
  learnPair(message.chat, message.chat_alt);
  learnPair(message.sender, message.sender_alt);
  if (message.push_name && !message.from_me) contactOf(new Wid(message.sender)).set({ pushname: message.push_name });
  switch (message.content.type) {
    case 'reaction':
      return receiveReaction(message);
    case 'edit':
      return receiveEdit(message);
    case 'revoke':
      return receiveRevoke(message);
    default:
      await messages.processMultipleMessages(new Wid(message.chat), [receivedAttributes(message)]);
      return openLater(message);
  }
}

function openLater(message) {
  const { opened, wait } = unsealing(message.content) ?? {};
  if (opened && wait > 0) setTimeout(() => messages.get(keyOfMessage(message))?.set(opened), wait);
}

function receivedAttributes(message) {
  const attributes = attributesOf(message, { isNew: true });
  const quoted = message.quoted_id && messageIn(attributes.id.remote, message.quoted_id);
  return quoted ? { ...attributes, ...quoted.msgContextInfo() } : attributes;
}

// Reactions and the like name their target by its bare id. Who wrote it is known if the message is; if not, one
// reacts to the other side, and changes what is one's own.
function targetKey(message, { isOwn }) {
  const remote = new Wid(message.chat);
  const { target_id: id } = message.content;
  const known = messageIn(remote, id, isOwn ? message.from_me : undefined);
  if (known) return known.id;
  const fromMe = isOwn ? message.from_me : !message.from_me;
  return keyOfMessage({ ...message, id, from_me: fromMe });
}

function receiveReaction(message) {
  addReaction({
    key: keyOfMessage(message),
    target: targetKey(message, { isOwn: false }),
    sender: senderOf(message),
    emoji: message.content.emoji,
    at: message.timestamp,
  });
}

async function receiveEdit(message) {
  const target = messages.get(targetKey(message, { isOwn: true }));
  const edit = { id: message.id, body: message.content.body, at: message.timestamp };
  await protocolMessage(message, 'message_edit');
  target?.set(editAttributes(target, edit));
}

async function receiveRevoke(message) {
  const target = messages.get(targetKey(message, { isOwn: true }));
  await protocolMessage(message, 'sender_revoke');
  target?.set({ type: 'revoked', subtype: 'sender', body: undefined, caption: undefined });
}

function protocolMessage(message, subtype) {
  const { content, ...rest } = message;
  const attributes = attributesOf({ ...rest, content: { type: 'text', body: content.body } }, { isNew: true });
  const protocol = { ...attributes, type: 'protocol', subtype, protocolMessageKey: targetKey(message, { isOwn: true }) };
  return messages.processMultipleMessages(attributes.id.remote, [protocol]);
}

/** A receipt item goes through the functions that libraries listen to. */
export function receiveReceipt({ chat, message_ids: ids, status, timestamp, participant }) {
  const [ack, ackString] = RECEIPT_ACKS[status];
  const from = new Wid(chat);
  const handle = from.isGroup() ? 'handleGroupSimpleReceipt' : 'handleChatSimpleReceipt';
  return exportsOf('WAWebHandleMsgSimpleReceipt')[handle]({
    type: 'receipt', stanzaId: ids[0], externalIds: ids, from, participant: asWid(participant) ?? null, recipient: null,
    ts: Math.floor(timestamp / 1000), ack, ackString, offline: null,
  });
}

async function applyReceipt({ from, externalIds, ack }) {
  for (const id of externalIds) {
    const message = messageIn(from, id, true);
    if (message && message.ack < ack) message.set({ ack });
  }
}
defineModule('WAWebHandleMsgSimpleReceipt', {
  handleChatSimpleReceipt: applyReceipt, handleGroupSimpleReceipt: applyReceipt, handleStatusSimpleReceipt: applyReceipt,
});
