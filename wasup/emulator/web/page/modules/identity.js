// WhatsApp's modules about this device's keys, this account, and the two identities of people.

import { fromBase64, toBase64 } from '../bytes.js';
import { defineModule } from '../loader.js';
import { isMe, learnPair, lidOf, myLid, myPn, otherIdentity, paired, pnOf } from '../session.js';
import { Wid } from '../wid.js';

const KEY_BYTES = 32;

// A key of this browser, made when first asked for. Nothing is ever encrypted with it: it is part of QR codes.
function deviceKey(name) {
  const storedAs = `emulator-key-${name}`;
  const known = localStorage.getItem(storedAs);
  if (known) return known;
  const made = toBase64(crypto.getRandomValues(new Uint8Array(KEY_BYTES)));
  localStorage.setItem(storedAs, made);
  return made;
}

const keyPair = (name) => ({ pubKey: fromBase64(deviceKey(name)), privKey: new ArrayBuffer(KEY_BYTES) });

defineModule('WAWebSignalStoreApi', {
  waSignalStore: { getRegistrationInfo: async () => ({ registrationId: 1, identityKeyPair: keyPair('identity') }) },
});
defineModule('WAWebUserPrefsInfoStore', {
  waNoiseInfo: { get: async () => ({ staticKeyPair: keyPair('noise'), recoveryToken: null }), set() {} },
});
defineModule('WAWebAdvSignatureApi', { generateADVSecretKey: () => deviceKey('adv') });
defineModule('WAWebUserPrefsMultiDevice', {
  getADVSecretKey: () => deviceKey('adv'), setADVSignedIdentity() {}, clearADVSecretKey() {},
});
defineModule('WAWebCompanionRegClientUtils', { DEVICE_PLATFORM: '1' });

function orThrow(get) {
  return () => {
    const value = get();
    if (!value) throw new Error('there is no user logged in');
    return value;
  };
}

defineModule('WAWebUserPrefsMeUser', {
  getMaybeMePnUser: myPn,
  getMaybeMeUser: myPn,
  getMaybeMeLidUser: myLid,
  getMePnUserOrThrow: orThrow(myPn),
  getMeLidUserOrThrow: orThrow(myLid),
  getMeUser: orThrow(myPn),
  getMaybeMeDevicePn: () => (paired() ? new Wid(String(myPn()).replace('@', ':1@')) : undefined),
  getMaybeMeDisplayName: () => paired()?.me.push_name,
  isMeAccount: isMe,
  isMeUser: isMe,
  isSerializedWidMe: isMe,
});
defineModule('WAWebUserPrefsLoginTokens', { isLoggedIn: () => Boolean(paired()) });
defineModule('WAWebUserPrefsRegistration', { isRegistered: () => Boolean(paired()) });

defineModule('WAWebApiContact', {
  getPhoneNumber: pnOf, getCurrentLid: lidOf, getAlternateUserWid: otherIdentity,
});
defineModule('WAWebLidPnCache', { lidPnCache: { getPhoneNumber: pnOf, getCurrentLid: lidOf } });
defineModule('WAWebDBCreateLidPnMappings', {
  createLidPnMappings: async ({ mappings }) => mappings.forEach(({ lid, pn }) => learnPair(lid, pn)),
});

const toLid = (wid) => (wid.isLid() ? wid : lidOf(wid));
function toLidOrThrow(wid) {
  const lid = toLid(wid);
  if (!lid) throw new Error(`No LID for user ${wid}`);
  return lid;
}

defineModule('WAWebLidMigrationUtils', {
  toPn: (wid) => (wid.isLid() ? pnOf(wid) : wid), toLid, toUserLid: toLid, toUserLidOrThrow: toLidOrThrow,
});
defineModule('WAWebLid1X1MigrationGating', {
  Lid1X1MigrationUtils: { isLidMigrated: () => true, isSyncdSessionMigrated: () => true },
});

function asWid(given) {
  return given instanceof Wid ? given : new Wid(given);
}
const userWid = (user, server = 'c.us') => asWid(String(user).includes('@') ? user : `${user}@${server}`);
const withoutDevice = (wid) => new Wid(`${wid.user}@${wid.server}`);

defineModule('WAWebWidFactory', {
  createWid: asWid,
  createUserWid: userWid,
  createUserWidOrThrow: userWid,
  createDeviceWid: asWid,
  createDeviceWidFromUserAndDevice: (user, device) => asWid(`${user}:${device}@c.us`),
  createWidFromWidLike: (given) => asWid(given._serialized ?? given),
  isWidlike: (given) => typeof given === 'object' && given !== null && 'server' in given && 'user' in given,
  toChatWid: withoutDevice,
  asChatWid: withoutDevice,
  toUserWid: withoutDevice,
  toUserWidOrThrow: withoutDevice,
  asUserWidOrThrow: withoutDevice,
  toGroupWid: withoutDevice,
  userJidToUserWid: asWid,
  toUserLidOrThrow: toLidOrThrow,
});
const jid = (wid) => wid.toJid();
defineModule('WAWebWidToJid', { widToUserJid: jid, widToChatJid: jid, widToGroupJid: jid });
defineModule('WAWebJidToWid', { userJidToUserWid: asWid, chatJidToChatWid: asWid });
