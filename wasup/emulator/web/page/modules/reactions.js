// WhatsApp's modules about reactions: a table of the latest one of each sender to each message.

import { BaseCollection } from '../collection.js';
import { defineModule, exportsOf } from '../loader.js';
import { BaseModel } from '../model.js';
import { isMe } from '../session.js';

class Reactions extends BaseModel {}
Reactions.prototype.proxyName = 'reactions';
class ReactionsCollectionImpl extends BaseCollection {
  static model = Reactions;
}
const table = new ReactionsCollectionImpl();
defineModule('WAWebReactionsModel', { Reactions });
defineModule('WAWebReactionsCollection', { ReactionsCollection: table });

/** Someone's reaction to a message becomes known; an empty emoji takes it back. Nobody is told. */
export function keepReaction({ key, target, sender, emoji, at }) {
  const row = table.get(target) ?? table.add({ id: String(target), senders: [], reactions: [], hasReactionByMe: false });
  const senders = row.senders.filter((one) => one.senderUserJid !== String(sender));
  if (emoji) {
    senders.push({
      msgKey: key, parentMsgKey: target, senderUserJid: String(sender), reactionText: emoji, timestamp: at, read: false,
      orphan: 0,
    });
  }
  const byEmoji = Map.groupBy(senders, (one) => one.reactionText);
  const reactions = [...byEmoji].map(([aggregateEmoji, by]) => ({
    id: aggregateEmoji, aggregateEmoji, senders: by, hasReactionByMe: by.some((one) => isMe(one.senderUserJid)),
  }));
  row.set({ senders, reactions, hasReactionByMe: senders.some((one) => isMe(one.senderUserJid)) });
}

/** A reaction happens: it is kept, and goes through the functions that libraries listen to. */
export function addReaction(reaction) {
  const { key, target, sender, emoji, at } = reaction;
  exportsOf('WAWebAddonReactionTableMode').reactionTableMode.bulkUpsert([
    {
      id: key, reactionParentKey: target, reactionText: emoji, reactionTimestamp: at, author: sender, from: sender,
      orphan: 0, read: false,
    },
  ]);
  exportsOf('WAWebReactionsUpdate').addOrUpdateReactionsModelCollection(
    {
      msgKey: String(key), parentMsgKey: String(target), reactionText: emoji, senderUserJid: String(sender), t: at,
      timestamp: at, orphan: 0, read: false,
    },
    true,
  );
  keepReaction(reaction);
}

defineModule('WAWebAddonReactionTableMode', { reactionTableMode: { bulkUpsert: async () => {} } });
defineModule('WAWebReactionsUpdate', { addOrUpdateReactionsModelCollection: async () => {} });

async function getReactions(messageId) {
  const row = table.get(messageId);
  const mine = row?.senders.find((one) => isMe(one.senderUserJid));
  return { reactionByMe: mine, reactions: row?.reactions ?? [] };
}
defineModule('WAWebReactionsQuery', { getReactions });
