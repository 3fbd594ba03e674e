// What has become of messages so far.

const isMine = (wid) => {
  const { UserPrefs } = WPP.whatsapp;
  return [UserPrefs.getMaybeMePnUser(), UserPrefs.getMaybeMeLidUser()].some((own) => text(own) === text(wid));
};

/**
 * What has become of messages so far, as the events that told it when it happened. The page keeps no id of a
 * deletion, no time of a receipt, and nothing of what was superseded or taken back. Reactions and deletions of
 * our own are left out: which of them were sent from here is not known any more.
 */
async function fatesOf(models) {
  const receipts = new Map(); // ids by level
  for (const { id, ack } of models.filter((model) => model.id.fromMe && model.ack >= 2)) {
    const key = `${ack} ${id.remote}`;
    const fields = { ack, chat: String(id.remote), ids: [], t: now() };
    if (!receipts.has(key)) receipts.set(key, { kind: 'receipt', ...fields });
    receipts.get(key).ids.push(id.id);
  }
  const changes = await Promise.all(models.map(changesOf));
  return [...receipts.values(), ...changes.flat()];
}

async function changesOf(model) {
  if (model.type === 'revoked') {
    const by = model.revokeSender;
    if (by ? isMine(by) : model.id.fromMe) return [];
    const t = model.revokeTimestamp || model.t;
    return [{ kind: 'revoke', ...about({ id: '', fromMe: false }, model.id, by || model.author || model.from), t }];
  }
  const changes = [];
  if (model.latestEditMsgKey) changes.push({ kind: 'edit', ...editOf(model) });
  if (model.hasReaction === false || SILENT.has(model.type)) return changes;
  for (const { id, sender, reactionText, timestamp } of await reactionsTo(model)) {
    const key = WPP.whatsapp.MsgKey.fromString(String(id));
    if (key.fromMe || !reactionText) continue;
    changes.push({ kind: 'reaction', ...about(key, model.id, sender), emoji: reactionText, t: timestamp });
  }
  return changes;
}

async function reactionsTo(model) {
  try {
    const { reactions } = await WPP.chat.getReactions(String(model.id));
    return reactions.flatMap(({ senders }) => senders);
  } catch (error) {
    tell('trouble', { where: 'reactions', detail: String(error && error.message) });
    return [];
  }
}
