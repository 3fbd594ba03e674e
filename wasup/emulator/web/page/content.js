// Messages in the emulator's words, and as WhatsApp's attributes; both ways.

import { base64ToHex, hexToBase64 } from './bytes.js';
import { MsgKey } from './msgkey.js';
import { MediaData } from './mediadata.js';
import { myIdFor } from './session.js';
import { ACK } from './modules/basics.js';
import { Wid } from './wid.js';

const MEDIA_TYPES = { image: 'image', video: 'video', audio: 'audio', voice: 'ptt', document: 'document', sticker: 'sticker' };
const MEDIA_CONTENT = Object.fromEntries(Object.entries(MEDIA_TYPES).map(([content, type]) => [type, content]));
const ACK_OF_STATUS = { sent: ACK.SENT, delivered: ACK.RECEIVED, read: ACK.READ };

/** Who wrote a message, by the identity that belongs into its chat. */
export function senderOf(message) {
  return message.from_me ? myIdFor(new Wid(message.chat)) : new Wid(message.sender);
}

/** The key of a message that the emulator tells of. */
export function keyOfMessage(message) {
  return new MsgKey({
    fromMe: message.from_me, remote: new Wid(message.chat), id: message.id, participant: senderOf(message),
  });
}

/** Attributes of a message; `shown` adds what became of it since (edit, revoke, status). */
export function attributesOf(message, { isNew = false, shown = {} } = {}) {
  const id = keyOfMessage(message);
  const me = myIdFor(id.remote);
  const sender = senderOf(message);
  const attributes = {
    id,
    t: Math.floor(message.timestamp / 1000),
    from: message.from_me ? me : id.remote,
    to: message.from_me ? id.remote : me,
    author: id.remote.isGroup() ? sender : undefined,
    sender,
    self: message.from_me ? 'out' : 'in',
    ack: message.from_me ? (ACK_OF_STATUS[shown.status] ?? ACK.SENT) : ACK.SENT,
    notifyName: message.push_name,
    isNewMsg: isNew,
    isForwarded: false,
    mentionedJidList: [],
    ...contentAttributes(message.content),
  };
  if (message.quoted_id) attributes.quotedStanzaID = message.quoted_id;
  if (shown.edit) Object.assign(attributes, editAttributes(attributes, shown.edit));
  if (shown.revoked) Object.assign(attributes, { type: 'revoked', body: undefined, caption: undefined, mediaData: undefined });
  return attributes;
}

/** What an edit changes; the caption where there is a medium. */
export function editAttributes({ id, type }, edit) {
  const latestEditMsgKey = new MsgKey({ fromMe: id.fromMe, remote: id.remote, id: edit.id, participant: id.participant });
  const changed = type === 'chat' ? { body: edit.body } : { caption: edit.body };
  return { ...changed, latestEditMsgKey, latestEditSenderTimestampMs: edit.at };
}

function contentAttributes(content) {
  switch (content.type) {
    case 'text':
      return { type: 'chat', body: content.body };
    case 'location':
      return {
        type: 'location', lat: content.latitude, lng: content.longitude, isLive: false,
        loc: [content.name, content.address].filter(Boolean).join('\n'),
      };
    case 'contacts':
      return content.vcards.length === 1
        ? { type: 'vcard', body: content.vcards[0], vcardFormattedName: vcardName(content.vcards[0]) }
        : { type: 'multi_vcard', vcardList: content.vcards.map((vcard) => ({ vcard, displayName: vcardName(vcard) })) };
    case 'unsupported':
      if (content.name === 'ciphertext') return sealedAttributes(safeJson(content.raw));
      return { ...safeJson(content.raw), type: content.name };
    default:
      return mediaAttributes(content);
  }
}

// A message whose keys come later, if at all: `body` can be read from `readable_at` (epoch milliseconds) on.
function sealedAttributes({ body, readable_at: readableAt = Infinity }) {
  return Date.now() < readableAt ? { type: 'ciphertext' } : { type: 'chat', body };
}

/** What a message that could not be read says once it can be, and in how many milliseconds; undefined if never. */
export function unsealing(content) {
  const { body, readable_at: readableAt } = content.name === 'ciphertext' ? safeJson(content.raw) : {};
  return readableAt && { opened: { type: 'chat', body }, wait: readableAt - Date.now() };
}

function mediaAttributes({ type, media, caption, seconds }) {
  const mediaType = MEDIA_TYPES[type];
  const filehash = media.sha256 ? hexToBase64(media.sha256) : media.ref;
  const data = { type: mediaType, mimetype: media.mime, size: media.size, filehash, duration: seconds };
  return {
    ...data,
    caption: caption || undefined,
    filename: media.filename,
    directPath: `/media/${media.ref}`,
    mediaKey: 'AA==',
    encFilehash: filehash,
    mediaData: new MediaData({ ...data, mediaStage: 'INIT' }),
  };
}

function vcardName(vcard) {
  return /^FN:(.*)$/m.exec(vcard)?.[1] ?? '';
}

function safeJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** What a message to be sent says, in the emulator's words. */
export function contentOf(raw) {
  switch (raw.type) {
    case 'chat':
      return { type: 'text', body: raw.body ?? '' };
    case 'location':
      return { type: 'location', latitude: raw.lat, longitude: raw.lng, ...placeName(raw.loc) };
    case 'vcard':
      return { type: 'contacts', vcards: [raw.body] };
    case 'multi_vcard':
      return { type: 'contacts', vcards: raw.vcardList.map(({ vcard }) => vcard) };
    default:
      return raw.type in MEDIA_CONTENT && raw.directPath ? mediaContent(raw) : otherContent(raw);
  }
}

function placeName(text = '') {
  const [name = '', ...address] = text.split('\n');
  return { name, address: address.join('\n') };
}

function mediaContent(raw) {
  const type = MEDIA_CONTENT[raw.type];
  const media = { ref: raw.directPath.split('/').at(-1), mime: raw.mimetype, size: raw.size, sha256: base64ToHex(raw.filehash) };
  if (raw.filename) media.filename = raw.filename;
  const content = { type, media };
  const captioned = type === 'image' || type === 'video' || type === 'document';
  if (captioned && raw.caption && raw.isCaptionByUser !== false) content.caption = raw.caption;
  if ((type === 'audio' || type === 'voice') && raw.duration) content.seconds = Math.round(Number(raw.duration));
  return content;
}

// Polls, lists, buttons and the like: kept as they are, for whoever looks.
function otherContent({ type, id, from, to, mediaData, ...rest }) {
  return { type: 'unsupported', name: type, raw: JSON.stringify(rest) };
}
