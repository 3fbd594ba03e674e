// WhatsApp's modules that look messages up: around a message, of a kind, older ones on demand.

import { attributesOf, keyOfMessage } from '../content.js';
import { defineModule } from '../loader.js';
import { MsgKey } from '../msgkey.js';
import { ask } from '../socket.js';
import { learnPair } from '../session.js';
import { asWid } from '../wid.js';
import { chats, putChat } from './chats.js';
import { putContact } from './contacts.js';
import { putGroup } from './groups.js';
import { messages } from './messages.js';
import { keepReaction } from './reactions.js';

const EARLIER_AT_ONCE = 50;
const MOST = 10_000; // of one question; "all" is asked for as infinity
const FOUND = 200;
const NOT_FOUND = 404;
const MEDIA_KINDS = {
  allMedia: ['image', 'video'],
  allDocs: ['document'],
  allLinks: ['chat'],
};

// What was found becomes attributes; reactions go to their table.
function attributesOfShown(shown) {
  const { message } = shown;
  learnPair(message.chat, message.chat_alt);
  learnPair(message.sender, message.sender_alt);
  const key = keyOfMessage(message);
  for (const reaction of shown.reactions ?? []) {
    const { id, sender, emoji, from_me: fromMe, at } = reaction;
    const reactionKey = new MsgKey({ fromMe, remote: key.remote, id, participant: sender });
    keepReaction({ key: reactionKey, target: key, sender: asWid(sender), emoji, at });
  }
  return attributesOf(message, { shown });
}

async function find(question) {
  const count = Math.min(question.count ?? MOST, MOST);
  const { messages: shown, known } = await ask({ t: 'find', ...question, chat: String(question.chat), count });
  return { found: shown.map(attributesOfShown), known };
}

async function msgFindByDirection({ anchor, count, direction }) {
  if (count <= 0) return { messages: [], status: FOUND };
  const { found, known } = await find({ chat: anchor.remote, anchor: anchor.id, direction, count });
  return { messages: found, status: known ? FOUND : NOT_FOUND };
}
defineModule('WAWebDBMessageFindLocal', {
  msgFindByDirection,
  msgFindBefore: (question) => msgFindByDirection({ ...question, direction: 'before' }),
  msgFindAfter: (question) => msgFindByDirection({ ...question, direction: 'after' }),
  msgFindCallLog: async () => [],
  msgFindEvents: async () => [],
  msgFindSearch: async () => ({ messages: [] }),
  msgFindStarred: async () => ({ messages: [] }),
  msgFindMedia: async ({ chat, anchor, count, mediaType = 'allMedia', direction = 'before' }) => {
    const { found } = await find({ chat: asWid(chat.id ?? chat), anchor: anchor?.id, direction });
    const kinds = MEDIA_KINDS[mediaType] ?? [];
    const chosen = found.filter((one) => kinds.includes(one.type) && (one.type !== 'chat' || /https?:/.test(one.body)));
    return { messages: direction === 'before' ? chosen.slice(-count) : chosen.slice(0, count) };
  },
});

/** Put found messages in front of a chat's; tells which were new to it. */
function load(chat, found) {
  const added = [];
  for (const attributes of found.toReversed()) {
    if (chat.msgs.get(attributes.id)) continue;
    const message = messages.add(attributes, { silent: true });
    chat.msgs.add(message, { at: 0 });
    added.unshift(message);
  }
  return added;
}

async function loadEarlierMsgs(given) {
  const chat = given.chat ?? given;
  const oldest = chat.msgs.head();
  const { found } = await find({ chat: chat.id, anchor: oldest?.id.id, direction: 'before', count: EARLIER_AT_ONCE });
  chat.msgs.msgLoadState.noEarlierMsgs = found.length < EARLIER_AT_ONCE;
  return load(chat, found);
}
defineModule('WAWebChatLoadMessages', { loadEarlierMsgs });

/** One message by its key, from far back; undefined if there is none. It does not join its chat's. */
async function messageOf(given) {
  const key = MsgKey.fromString(given);
  const { found } = await find({ chat: key.remote, anchor: key.id, direction: 'at', count: 1 });
  return found[0] && messages.add(found[0], { silent: true });
}

// Libraries wait for `loadAroundPromise` and then look into the collection.
function getSearchContext({ msgKey }) {
  const found = [];
  return {
    collection: {
      loadAroundPromise: messageOf(msgKey).then((message) => message && found.push(message)),
      get: (key) => found.find((message) => message.id.equals(key)),
    },
    key: msgKey,
    highlightMsg: true,
  };
}
defineModule('WAWebChatMessageSearch', { getSearchContext, messageOf });

/** Everything that a client knows after a login: people, groups, chats, and the last message of each. */
export async function synchronise() {
  const all = await ask({ t: 'sync' });
  all.contacts.forEach(putContact);
  all.groups.forEach((group) => putGroup(group));
  all.chats.forEach(putChat);
  for (const attributes of all.latest.map(attributesOfShown)) {
    if (messages.get(attributes.id)) continue;
    const message = messages.add(attributes, { silent: true });
    chats.get(attributes.id.remote)?.msgs.add(message, { silent: true });
  }
}
