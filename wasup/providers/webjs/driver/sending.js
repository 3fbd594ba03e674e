// Messages, reactions, edits and deletions on their way out.

class Refusal extends Error {
  constructor(code, detail, transient = false) {
    super(detail);
    Object.assign(this, { code, transient });
  }
}

/** The chat to write to; WhatsApp is asked whether an unknown number is one of its own. */
async function chatWith(id) {
  const { ChatStore, WidFactory, functions } = WPP.whatsapp;
  const wid = WidFactory.createWid(id);
  const known = ChatStore.get(wid);
  if (known) return known;
  if (!wid.isUser()) throw new Refusal('unknown_recipient', `this account is not in ${id}`);
  const exists = await functions.queryWidExists(wid).catch((error) => {
    throw new Refusal('network', String(error && error.message), true);
  });
  if (!exists) throw new Refusal('unknown_recipient', `${id} is not on WhatsApp`);
  try {
    return await WPP.chat.find(id);
  } catch (error) {
    throw new Refusal('unknown_recipient', String(error && error.message));
  }
}

/** A message of a chat by its bare id, loaded if need be. */
async function messageIn(where, id) {
  const isIt = (model) => model.id.id === id;
  const loaded = where.msgs.getModelsArray().find(isIt);
  if (loaded) return loaded;
  const found = (await lookBack(where, (models) => models.some(isIt))).find(isIt);
  if (!found) throw new Refusal('unknown_message', `there is no message ${id} in ${where.id}`);
  return found;
}

/** Whether WhatsApp has a message that was handed over before; one that is still under way is waited for. */
function wasTaken(model) {
  return new Promise((resolve) => {
    const look = () => {
      if (model.ack === 0) return;
      model.off('change:ack', look);
      resolve(model.ack >= 1);
    };
    model.on('change:ack', look);
    look();
  });
}

function forget(where, model) {
  where.msgs.remove(model);
  WPP.whatsapp.MsgStore.remove(model);
}

/** A message key with an id of ours: WhatsApp drops what comes a second time under the same one. */
async function ownKey(where, id) {
  const key = await WPP.chat.generateMessageID(where);
  return new WPP.whatsapp.MsgKey({
    from: WPP.conn.getMyUserWid(),
    to: where.id,
    id,
    participant: key.participant,
    selfDir: 'out',
  });
}

const sendingCalls = {
  send: async ({ chat: id, content, message_id, quoted }) => {
    const where = await chatWith(id);
    const messageId = await ownKey(where, message_id);
    const before = WPP.whatsapp.MsgStore.get(messageId);
    if (before && (await wasTaken(before))) return { id: message_id, t: before.t };
    if (before) forget(where, before); // it was refused: under way again, as new
    const options = { messageId, linkPreview: false, markIsRead: false, detectMentioned: false, waitForAck: true };
    if (quoted) options.quotedMsg = await messageIn(where, quoted);
    remember(mark(messageId));
    const { sendMsgResult } = await post(where, content, options);
    return outcome(sendMsgResult, message_id, where);
  },

  react: async ({ chat: id, target, emoji }) => {
    const model = await messageIn(await chatWith(id), target);
    const own = `reaction ${target} ${emoji}`;
    remember(own);
    try {
      await WPP.chat.sendReactionToMessage(model.id, emoji);
    } catch (error) {
      told.delete(own);
      throw error;
    }
    return { t: now() };
  },

  edit: async ({ chat: id, target, body, message_id }) => {
    const where = await chatWith(id);
    const model = await messageIn(where, target);
    const options = { messageId: await ownKey(where, message_id), linkPreview: false, markIsRead: false };
    remember(mark(options.messageId));
    await WPP.chat.editMessage(model.id, body, options);
    return { t: now() };
  },

  revoke: async ({ chat: id, target }) => {
    const where = await chatWith(id);
    const model = await messageIn(where, target);
    const result = await WPP.chat.deleteMessage(where.id, model.id, false, true);
    if (!result.isRevoked) throw new Refusal('not_revoked', `WhatsApp does not delete ${target} for everyone`);
    return { t: now() };
  },

  read: async ({ chat: id }) => void (await WPP.chat.markIsRead(id)),

  typing: async ({ chat: id, active }) => {
    const where = await chatWith(id);
    await (active ? WPP.chat.markIsComposing(where.id) : WPP.chat.markIsPaused(where.id));
  },
};

function post(where, content, options) {
  switch (content.type) {
    case 'text':
      return WPP.chat.sendTextMessage(where.id, content.body, options);
    case 'location': {
      const { latitude: lat, longitude: lng, name, address } = content;
      return WPP.chat.sendLocationMessage(where.id, { lat, lng, name, address, ...options });
    }
    case 'contacts': {
      const cards = content.vcards.map((vcard) => ({ vcard, displayName: (/^FN[^:]*:(.*)$/m.exec(vcard) || [])[1] || '' }));
      const [{ vcard, displayName }] = cards;
      const single = { type: 'vcard', body: vcard, vcardFormattedName: displayName.trim() };
      const several = { type: 'multi_vcard', vcardList: cards };
      return WPP.chat.sendRawMessage(where.id, cards.length === 1 ? single : several, options);
    }
    default: {
      // The rest are files. wa-js takes the file's name for a caption that is left out.
      const kinds = { voice: 'audio' };
      const { mime, filename } = content.media;
      return WPP.chat.sendFileMessage(where.id, blobs.get(content.handle), {
        ...options,
        type: kinds[content.type] || content.type,
        isPtt: content.type === 'voice',
        waveform: false, // it would be computed here, from decoded audio
        caption: content.caption || '',
        mimetype: mime,
        filename,
      });
    }
  }
}

/** What WhatsApp said to a send. */
function outcome(result, id, where) {
  const word = typeof result === 'string' ? result : result && result.messageSendResult;
  if (word === 'OK') return { id, t: (result && result.t) || now() };
  const reason = result && result.error; // WhatsApp's own number or word, where it gives one
  const code = String((reason && (reason.code || reason)) || word || 'no_answer');
  throw new Refusal(code, `WhatsApp did not take ${id} for ${where.id}`);
}
