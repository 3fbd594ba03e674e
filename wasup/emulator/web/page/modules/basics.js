// WhatsApp's modules of constants, clock, encodings and class bases.

import { fromBase64, toBase64 } from '../bytes.js';
import { Collection, BaseCollection } from '../collection.js';
import { EventEmitter } from '../emitter.js';
import { defineModule, defineValue } from '../loader.js';
import { BaseModel } from '../model.js';
import { MsgKey } from '../msgkey.js';
import { buildVersion } from '../settings.js';
import { Wid } from '../wid.js';

const names = (...all) => Object.fromEntries(all.map((name) => [name, name]));

/** Seconds since 1970, as WhatsApp counts. */
export const now = () => Math.floor(Date.now() / 1000);

export const ACK = {
  MD_DOWNGRADE: -7, INACTIVE: -6, CONTENT_UNUPLOADABLE: -5, CONTENT_TOO_BIG: -4, CONTENT_GONE: -3, EXPIRED: -2,
  FAILED: -1, CLOCK: 0, SENT: 1, RECEIVED: 2, READ: 3, PLAYED: 4, PEER: 5,
};

defineModule('WAWebBuildConstants', {
  VERSION_STR: buildVersion, VERSION_BASE: buildVersion, SANITIZED_VERSION_STR: buildVersion, WINDOWS_BUILD: null,
});
defineModule('WAWebOfficialClient', { isOfficialClient: true, isUnofficialStanzaId: () => false });
defineModule('WATimeUtils', { unixTime: now, unixTimeMs: () => Date.now(), castToUnixTime: (seconds) => seconds });
defineModule('WAWebAck', {
  ACK,
  ACK_STRING: { SENDER: 'sender', DELIVERY: 'delivery', READ: 'read', PLAYED: 'played', INACTIVE: 'inactive' },
  EDIT_ATTR: { SENDER_REVOKE: 7, ADMIN_REVOKE: 8 },
});
const MESSAGE_TYPES = [
  'audio', 'broadcast_notification', 'buttons_response', 'call_log', 'chat', 'ciphertext', 'document', 'e2e_notification',
  'gp2', 'group_notification', 'groups_v4_invite', 'hsm', 'image', 'interactive', 'list', 'list_response', 'location',
  'multi_vcard', 'native_flow', 'notification', 'notification_template', 'order', 'oversized', 'payment', 'product',
  'protocol', 'ptt', 'reaction', 'revoked', 'sticker', 'template_button_reply', 'unknown', 'vcard', 'video',
];
defineModule('WAWebMsgType', {
  MSG_TYPE: Object.fromEntries(MESSAGE_TYPES.map((type) => [type.toUpperCase(), type])),
});
defineModule('WAWebSocketConstants', {
  SOCKET_STATE: names(
    'OPENING', 'PAIRING', 'UNPAIRED', 'UNPAIRED_IDLE', 'CONNECTED', 'TIMEOUT', 'CONFLICT', 'UNLAUNCHED', 'PROXYBLOCK',
    'TOS_BLOCK', 'SMB_TOS_BLOCK', 'DEPRECATED_VERSION',
  ),
  SOCKET_STREAM: names('DISCONNECTED', 'SYNCING', 'RESUMING', 'CONNECTED'),
  WATCHED_SOCKET_STATE: names('OPEN', 'CLOSED'),
});
defineModule('WAWebSendMsgResult', {
  SendMsgResult: names('OK', 'ERROR_NETWORK', 'ERROR_EXPIRED', 'ERROR_CANCELLED', 'ERROR_UPLOAD', 'ERROR_UNKNOWN'),
});
defineModule('WAWebJidConstants', { STATUS_JID: 'status@broadcast' });
defineValue('WAWebNonJidMentionType', { MENTION_ALL: 1 });
defineModule('WABase64', {
  encodeB64: toBase64,
  encodeB64UrlSafe: (bytes) => toBase64(bytes).replace(/\+/g, '-').replace(/\//g, '_'),
  decodeB64: fromBase64,
});
defineModule('WAWebABProps', { getABPropConfigValue: () => false });
defineModule('WAWebSyncGatingUtils', { isPlaceholderMessageResendEnabled: () => false });
defineModule('WAWebMiscBrowserUtils', {
  info: () => ({ os: 'Linux', version: '1', name: 'Chrome', ua: navigator.userAgent }),
  hardRefresh: () => location.reload(),
});

const findLinks = (text) =>
  [...String(text ?? '').matchAll(/https?:\/\/\S+/g)].map((found) => ({ href: found[0], url: found[0], index: found.index }));
defineModule('WALinkify', {
  findLinks, findLink: (text) => findLinks(text)[0], findFirstWebLink: (text) => findLinks(text)[0],
});
defineModule('WAWebLinkPreviewChatAction', { getLinkPreview: async () => null, genMinimalLinkPreview: async () => null });

defineValue('WAWebEventEmitter', EventEmitter);
defineModule('WAWebBaseModel', { BaseModel, defineModel: (model) => model });
defineValue('WAWebCollection', Collection);
defineModule('WAWebBaseCollection', { BaseCollection });
defineValue('WAWebWid', Wid);
defineValue('WAWebMsgKey', MsgKey);
