/*
 * The page's half of the `webjs` provider. Injected after wa-js (`WPP`), before the page's own scripts.
 *
 * It has two ends, and keeps no state that the page itself keeps:
 *
 *   out  `window.__wasup_tell(json)`, a binding of Playwright's, takes an array of events. One call is under way
 *        at a time: what happens meanwhile waits and goes out together, so a burst costs few crossings, silence
 *        costs nothing, and a slow reader holds events back here.
 *   in   `window.__wasup.call(name, args)` answers `{"ok": …}` or `{"error": {code, detail, transient}}` as JSON.
 *
 * Models are turned into plain JSON with the fields that are needed and no others; never media. What they mean
 * is decided in `translate.py` and `session.py`. Times are WhatsApp's, in seconds.
 */
(() => {
  'use strict';
  if (window.top !== window || window.__wasup || location.protocol === 'about:') return;

  const WPP = window.WPP;
  const BATCH = 250; // events in one crossing at most
  const CHUNK = 1 << 20; // bytes of media in one crossing; a multiple of 4 for base64
  const GATHER = 100; // milliseconds between two tellings; 50 messages a second cost half, and a lone one never waits
  const REMEMBERED = 5000; // messages that are known to have been told
  const CLOCKS_DIFFER = 60; // seconds between WhatsApp's clock and ours, at most
  const NEWS_FIRST = 2000; // milliseconds after a cut in which WhatsApp hands over what it kept
  const FAR_BACK = 20000; // messages of one chat that are looked through for history, at most

  // ---- telling -----------------------------------------------------------------------------------------------

  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const waiting = [];
  let telling = false;

  function tell(kind, fields) {
    waiting.push({ kind, ...fields });
    if (!telling) {
      telling = true;
      queueMicrotask(drain);
    }
  }

  async function drain() {
    while (typeof window.__wasup_tell !== 'function') await pause(10); // scripts may run before the binding is there
    while (waiting.length) {
      await window.__wasup_tell(JSON.stringify(waiting.splice(0, BATCH)));
      if (waiting.length < BATCH) await pause(GATHER);
    }
    telling = false;
  }

  /** Listen, and turn what goes wrong in here into an event instead of an error that nobody sees. */
  function on(source, names, listener) {
    source.on(names, (...args) => {
      try {
        listener(...args);
      } catch (error) {
        tell('trouble', { where: names, detail: String(error && error.message) });
      }
    });
  }

  // ---- models to plain JSON ----------------------------------------------------------------------------------

  const text = (value) => (value == null ? undefined : String(value));

  /** The same person's other identity, if the page knows it. */
  function other(wid) {
    if (!wid || !wid.isUser || !wid.isUser()) return undefined;
    const cache = WPP.whatsapp.lidPnCache;
    const found = wid.isLid() ? cache.getPhoneNumber(wid) : cache.getCurrentLid(wid);
    return text(found);
  }

  function title(wid) {
    const chat = WPP.whatsapp.ChatStore.get(wid);
    const contact = WPP.whatsapp.ContactStore.get(wid);
    return text((chat && chat.name) || (contact && contact.name) || (chat && chat.formattedTitle));
  }

  const MEDIA = new Set(['image', 'video', 'audio', 'ptt', 'document', 'sticker', 'gif', 'ptv']);
  const KNOWN = new Set([...MEDIA, 'chat', 'location', 'vcard', 'multi_vcard', 'revoked', 'ciphertext']);

  function message(model) {
    const key = model.id;
    const writer = model.author || (key.fromMe ? undefined : key.participant || model.from);
    const plain = {
      id: key.id,
      key: String(key),
      from_me: key.fromMe,
      chat: String(key.remote),
      chat_alt: other(key.remote),
      chat_name: title(key.remote),
      sender: text(writer),
      sender_alt: other(writer),
      push_name: text(model.notifyName),
      t: model.t,
      type: String(model.type),
      subtype: text(model.subtype),
      body: text(model.body),
      caption: text(model.caption),
      quoted: text(model.quotedStanzaID),
    };
    if (MEDIA.has(model.type)) {
      const data = model.mediaData || {};
      plain.media = {
        mime: text(model.mimetype || data.mimetype),
        size: Number(model.size || data.size) || undefined,
        filehash: text(model.filehash || data.filehash),
        filename: text(model.filename),
        seconds: Number(model.duration) || undefined,
      };
    } else if (model.type === 'location') {
      plain.place = { lat: model.lat, lng: model.lng, loc: text(model.loc) };
    } else if (model.type === 'multi_vcard') {
      plain.vcards = (model.vcardList || []).map((card) => String(card.vcard));
    } else if (!KNOWN.has(model.type)) {
      plain.raw = raw(model);
    }
    return plain;
  }

  /** What is left of a message of a type that we do not know: everything short that is not a key or a picture. */
  function raw(model) {
    const left = {};
    for (const [name, value] of Object.entries(model.attributes || model.toJSON())) {
      if (value == null || typeof value === 'function' || /key|thumb|secret|hash|token/i.test(name)) continue;
      if (!(value instanceof WPP.whatsapp.Wid) && String(name).startsWith('_')) continue;
      try {
        if (JSON.stringify(value).length < 4096) left[name] = value;
      } catch {
        // a circle of models: nothing that could be passed on
      }
    }
    return JSON.stringify(left);
  }

  function chat(model) {
    return {
      id: String(model.id),
      alt: other(model.id),
      name: title(model.id),
      unread: model.unreadCount,
      t: model.t || undefined,
      archived: Boolean(model.archive),
    };
  }

  function contact(model) {
    return { id: String(model.id), alt: other(model.id), name: text(model.name), push_name: text(model.pushname) };
  }

  function group(metadata) {
    return {
      id: String(metadata.id),
      subject: text(metadata.subject),
      owner: text(metadata.owner),
      t: metadata.creation || undefined,
      people: metadata.participants.map((person) => ({
        id: String(person.id),
        alt: other(person.id),
        admin: Boolean(person.isAdmin || person.isSuperAdmin),
      })),
    };
  }

  function me() {
    const wid = WPP.whatsapp.UserPrefs.getMaybeMePnUser() || WPP.conn.getMyUserWid();
    const lid = WPP.whatsapp.UserPrefs.getMaybeMeLidUser();
    const { pushname, platform } = WPP.whatsapp.Conn;
    return wid && { id: String(wid), lid: text(lid), push_name: text(pushname), platform: text(platform) };
  }

  // ---- what happens ------------------------------------------------------------------------------------------

  /** Where the connection stands. Told at every change; whoever reads it decides what it means. */
  function tellState() {
    const { Socket, ChatStore } = WPP.whatsapp;
    const { mode, info } = WPP.conn.getStreamData();
    const authenticated = Boolean(WPP.conn.isAuthenticated());
    catchUp(authenticated && mode === 'MAIN' && Socket.state === 'CONNECTED' && WPP.isFullReady);
    tell('state', {
      socket: text(Socket.state),
      mode: text(mode),
      info: text(info),
      authenticated,
      // wa-js hears receipts, reactions and edits only from its own `isFullReady` on.
      synced: Socket.hasSynced !== false && WPP.conn.isMainLoaded() && WPP.isFullReady,
      chats: ChatStore.length,
      me: authenticated ? me() : undefined,
    });
  }

  function tellCode(code) {
    if (code) tell('qr', { code: code.fullCode, ttl: (WPP.whatsapp.Conn.refTTL || 0) / 1000 });
  }

  function watchConnection() {
    const { Socket, ChatStore } = WPP.whatsapp;
    on(WPP, 'conn.auth_code_change', tellCode);
    // What has happened before we listened.
    WPP.conn.getAuthCode().then(tellCode, () => {});
    if (WPP.conn.isIdle()) tell('qr_exhausted');
    on(WPP, 'conn.qrcode_idle', () => tell('qr_exhausted'));
    on(WPP, 'conn.logout_reason', (reason) => tell('logout', { reason: text(reason) }));
    on(WPP, 'conn.logout', () => tell('logout', {}));
    on(WPP, 'conn.authenticated', tellState);
    on(WPP, 'conn.main_loaded', tellState);
    on(WPP, 'conn.stream_mode_changed', tellState);
    on(WPP, 'conn.stream_info_changed', tellState);
    WPP.loader.onFullReady(tellState);
    on(Socket, 'change:state', tellState);
    on(Socket, 'change:hasSynced', tellState);
    let due = false; // while chats are loaded, one report for as many as come in a moment
    on(WPP, 'chat.new_chat', () => {
      if (due || ChatStore.length === 0 || WPP.conn.getStreamData().mode === 'MAIN') return;
      due = true;
      setTimeout(() => {
        due = false;
        tellState();
      }, 500);
    });
  }

  // What this driver does itself is known to whoever asked for it, and what was told is not told again.
  const told = new Set();
  let wasOnline = false;
  let cutAt = null; // when the page lost its connection

  const mark = (key) => `${key.fromMe} ${key.id}`;

  /** Remember a key, or another word, for some time; false if it was known already. */
  function remember(word) {
    if (told.has(word)) return false;
    told.add(word);
    if (told.size > REMEMBERED) told.delete(told.values().next().value);
    return true;
  }

  function tellMessage(model) {
    if (model.type === 'ciphertext') return; // told again under the same key once it is decrypted
    const made = message(model); // before it counts as told
    if (remember(mark(model.id))) tell('message', { message: made });
  }

  /** After a cut the page loads what came meanwhile, and not all of that as new: whatever is recent is told. */
  function catchUp(online) {
    if (!online) {
      if (wasOnline) cutAt ??= now();
      return;
    }
    wasOnline = true;
    if (cutAt === null) return;
    const since = cutAt - CLOCKS_DIFFER;
    cutAt = null;
    setTimeout(() => {
      for (const { t, msgs } of WPP.whatsapp.ChatStore.getModelsArray()) {
        if (t >= since) msgs.getModelsArray().filter((model) => model.t >= since).forEach(tellMessage);
      }
    }, NEWS_FIRST);
  }

  function watchChats() {
    const { ContactStore, GroupMetadataStore } = WPP.whatsapp;
    on(WPP, 'chat.new_message', tellMessage);
    on(WPP, 'chat.msg_ack_change', ({ ack, chat: where, sender, ids }) => {
      const { ChatStore } = WPP.whatsapp;
      const known = ChatStore.get(where) || ChatStore.get(other(where)); // receipts may name the other identity
      const id = String(known ? known.id : where);
      tell('receipt', { ack, chat: id, participant: text(sender), ids: ids.map((key) => key.id), t: now() });
    });
    on(WPP, 'chat.new_reaction', ({ id, msgId, reactionText, sender, timestamp }) => {
      const emoji = reactionText || '';
      if (id.fromMe && told.delete(`reaction ${msgId.id} ${emoji}`)) return;
      tell('reaction', { ...about(id, msgId, sender), emoji, t: timestamp });
    });
    on(WPP, 'chat.msg_edited', ({ msg }) => {
      const edit = msg.latestEditMsgKey || msg.id;
      if (!remember(mark(edit))) return;
      const body = msg.type === 'chat' ? msg.body : msg.caption;
      const t = msg.latestEditSenderTimestampMs || Date.now();
      tell('edit', { ...about(edit, msg.id, msg.author || msg.from), body: text(body) || '', t });
    });
    on(WPP, 'chat.msg_revoke', ({ id, refId, author, from }) => {
      tell('revoke', { ...about(id, refId, author || from), t: Date.now() / 1000 });
    });
    on(WPP, 'chat.presence_change', ({ id, state, isGroup, participants }) => {
      const busy = (word) => word === 'composing' || word === 'recording';
      const writing = isGroup ? (participants || []).filter((person) => busy(person.state)) : [];
      const active = isGroup ? writing.length > 0 : busy(state);
      tell('typing', { chat: String(id), participant: writing.length ? writing[0].id : undefined, active });
    });
    on(ContactStore, 'change:name change:pushname', (model) => {
      if (model.id.isUser()) tell('contact', { contact: contact(model) });
    });
    const changed = new Set(); // groups: several changes of a moment are one event
    const tellGroup = (id) => {
      if (!changed.size) queueMicrotask(tellGroups);
      changed.add(String(id));
    };
    const tellGroups = () => {
      for (const id of changed) {
        const metadata = GroupMetadataStore.get(id);
        if (metadata) tell('group', { group: group(metadata) });
      }
      changed.clear();
    };
    on(GroupMetadataStore, 'change:subject change:owner', (metadata) => tellGroup(metadata.id));
    on(WPP, 'group.participant_changed', ({ groupId }) => tellGroup(groupId));
  }

  /** What a reaction, an edit and a deletion have in common. */
  function about(key, target, sender) {
    return {
      id: key.id,
      from_me: key.fromMe,
      chat: String(target.remote),
      chat_alt: other(target.remote),
      sender: text(sender),
      sender_alt: other(sender),
      target: target.id,
    };
  }

  // ---- what is asked -----------------------------------------------------------------------------------------

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
    const loaded = where.msgs.getModelsArray().find((model) => model.id.id === id);
    if (loaded) return loaded;
    const found = (await lookBack(where, { wanted: id })).find((model) => model.id.id === id);
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

  const blobs = new Map(); // media on its way in or out: handle to Blob, or to parts of one
  let handles = 0;

  const calls = {
    /** Everything that the connection was before somebody listened. */
    state: async () => tellState(),

    /** A page that is alive asks WhatsApp whether our own number exists: there and back. */
    probe: async () => {
      const { functions, UserPrefs } = WPP.whatsapp;
      const wid = UserPrefs.getMaybeMePnUser();
      if (!wid) throw new Refusal('network', 'nobody is logged in', true);
      await functions.queryWidExists(wid);
    },

    refresh_qr: async () => void (await WPP.conn.refreshQR()),

    pairing_code: async ({ phone }) => WPP.conn.genLinkDeviceCodeForPhoneNumber(phone),

    logout: async () => void WPP.whatsapp.Socket.logout(),

    watch_typing: async () => {
      const people = WPP.whatsapp.ChatStore.getModelsArray().filter((model) => model.id.isUser());
      await WPP.contact.subscribePresence(people.map((model) => String(model.id)));
    },

    chats: async () => WPP.whatsapp.ChatStore.getModelsArray().filter((model) => writable(model.id)).map(chat),

    contacts: async () =>
      WPP.whatsapp.ContactStore.getModelsArray().filter((model) => model.id.isUser() && !model.id.isPSA()).map(contact),

    groups: async () => {
      const joined = WPP.whatsapp.ChatStore.getModelsArray().filter((model) => model.id.isGroup());
      const found = await Promise.allSettled(joined.map((model) => WPP.whatsapp.GroupMetadataStore.find(model.id)));
      const unread = found.find(({ status }) => status === 'rejected'); // one that was left, perhaps
      if (unread) tell('trouble', { where: 'groups', detail: String(unread.reason) });
      return found.map(({ value }) => value).filter(Boolean).map(group);
    },

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
      remember(`reaction ${target} ${emoji}`);
      await WPP.chat.sendReactionToMessage(model.id, emoji);
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

    history: async ({ chat: id, after, limit, since }) => {
      const where = WPP.whatsapp.ChatStore.get(id);
      if (!where) throw new Refusal('unknown_chat', `there is no chat ${id}`);
      let models = await lookBack(where, { wanted: after, since });
      if (after) {
        const place = models.findIndex((model) => model.id.id === after);
        if (place < 0) throw new Refusal('unknown_message', `there is no message ${after} in ${id}`);
        models = models.slice(place + 1);
      }
      if (since) models = models.filter((model) => model.t >= since);
      return { messages: models.slice(0, limit).map(message), more: models.length > limit };
    },

    // Media cross in chunks of base64, so that no crossing takes long.

    put: async ({ handle, chunk, mime, filename, last }) => {
      const name = handle || `media-${++handles}`;
      const parts = blobs.get(name) || [];
      parts.push(Uint8Array.from(atob(chunk), (char) => char.charCodeAt(0)));
      blobs.set(name, last ? new File(parts, filename, { type: mime }) : parts);
      return name;
    },

    fetch: async ({ key }) => {
      let blob;
      try {
        blob = await WPP.chat.downloadMedia(key);
      } catch (error) {
        throw new Refusal('no_media', String((error && error.message) || error));
      }
      const handle = `media-${++handles}`;
      blobs.set(handle, blob);
      return { handle, size: blob.size, mime: blob.type };
    },

    take: async ({ handle, offset }) => {
      const bytes = new Uint8Array(await blobs.get(handle).slice(offset, offset + CHUNK).arrayBuffer());
      let binary = '';
      for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
      return btoa(binary);
    },

    drop: async ({ handle }) => void blobs.delete(handle),
  };

  const now = () => Math.floor(Date.now() / 1000);
  const writable = (wid) => (wid.isUser() && !wid.isPSA()) || wid.isGroup();

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

  /**
   * Messages of a chat, oldest first, from far enough back that `wanted` (an id) is among them, or all since
   * `since`; without either all that there are, within reason.
   */
  async function lookBack(where, { wanted, since }) {
    for (let count = 100; ; count *= 4) {
      const stored = await WPP.chat.getMessages(where.id, { count }).catch(() => []);
      const unique = new Map();
      for (const model of [...stored, ...where.msgs.getModelsArray()]) unique.set(String(model.id), model);
      const models = [...unique.values()].filter((model) => model.t).sort((a, b) => a.t - b.t);
      const enough = wanted
        ? models.some((model) => model.id.id === wanted)
        : since && models.length > 0 && models[0].t < since;
      if (enough || stored.length < count || count > FAR_BACK) return models;
    }
  }

  window.__wasup = {
    call: async (name, args) => {
      try {
        return JSON.stringify({ ok: (await calls[name](args)) ?? null });
      } catch (error) {
        const { code, transient } = error || {};
        const detail = String((error && error.message) || error);
        return JSON.stringify({ error: { code: text(code) || 'failed', detail, transient: transient === true } });
      }
    },
  };

  // ---- start -------------------------------------------------------------------------------------------------

  /** Parts of WhatsApp's page that everything here stands on; one that is gone means: WhatsApp has changed. */
  const NEEDED = [
    'ChatStore', 'Cmd', 'Conn', 'ContactStore', 'GroupMetadataStore', 'MsgKey', 'MsgStore', 'Socket', 'Stream',
    'UserPrefs', 'Wid', 'WidFactory', 'lidPnCache',
  ];
  const NEEDED_FUNCTIONS = ['addAndSendMsgToChat', 'findOrCreateLatestChat', 'sendSeen', 'queryWidExists', 'sendReactionToMsg'];

  function missing() {
    const absent = (holder, names, prefix) =>
      names.filter((name) => {
        try {
          return holder[name] == null;
        } catch {
          return true;
        }
      }).map((name) => prefix + name);
    return [
      ...absent(WPP.whatsapp, NEEDED, ''),
      ...absent(WPP.whatsapp.functions, NEEDED_FUNCTIONS, 'functions.'),
    ];
  }

  tell('boot', { url: location.href, bundle: WPP && WPP.version });
  WPP.loader.onInjected(() => {
    const gone = missing();
    tell('injected', { missing: gone, version: text(window.Debug && window.Debug.VERSION) });
    if (gone.length) return;
    watchConnection();
    watchChats();
    tellState();
  });
})();
