// Models of the page to plain JSON.

const text = (value) => (value == null ? undefined : String(value));

const now = () => Math.floor(Date.now() / 1000);
const byTime = (one, two) => one.t - two.t;
const nameOf = (model) => String(model.id);
const mark = (key) => `${key.fromMe} ${key.id}`;

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

/** Says nothing of its own in a chat: notices, and what is left of messages. */
const SILENT = new Set([
  'notification', 'notification_template', 'group_notification', 'broadcast_notification', 'e2e_notification', 'gp2',
  'protocol', 'reaction', 'revoked',
]);
const MEDIA = new Set(['image', 'video', 'audio', 'ptt', 'document', 'sticker', 'gif', 'ptv']);
const KNOWN = new Set([...MEDIA, 'chat', 'location', 'vcard', 'multi_vcard', 'revoked', 'ciphertext']);

const isUnsent = (model) => model.id.fromMe && model.ack < 1; // under way, or refused
const says = (model) => model.type !== 'ciphertext' && !SILENT.has(model.type) && !isUnsent(model);
const writable = (wid) => (wid.isUser() && !wid.isPSA()) || wid.isGroup();

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

/** A message; of one that is not as we know messages, whose it is and all the rest raw. */
function anyMessage(model) {
  try {
    return message(model);
  } catch {
    const { id: key, t } = model;
    const sender = text(model.author || key.participant || model.from);
    const whose = { id: key.id, key: String(key), from_me: key.fromMe, chat: String(key.remote), sender, t };
    return { ...whose, type: 'unreadable', raw: raw(model) };
  }
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
