// Who this page is: the device that it was paired as, kept in the browser, and which number hides behind which LID.

import { asWid } from './wid.js';

const STORED_AS = 'emulator-device';

let device = JSON.parse(localStorage.getItem(STORED_AS) ?? 'null');
const lidOfPn = new Map();
const pnOfLid = new Map();

if (device?.me) learnPair(device.me.id, device.me.lid);

/** `{secret, me}` of the pairing, or null. `me` is the account in the port's words. */
export const paired = () => device;

export function keepDevice(secret, me) {
  device = { secret, me };
  localStorage.setItem(STORED_AS, JSON.stringify(device));
  learnPair(me.id, me.lid);
}

export function forgetDevice() {
  device = null;
  localStorage.removeItem(STORED_AS);
}

export const myPn = () => asWid(device?.me.id);
export const myLid = () => asWid(device?.me.lid);

/** The identity of this account that belongs into a chat: LID among LIDs and in groups, else the number. */
export const myIdFor = (chat) => (chat.isGroup() || chat.isLid() ? myLid() : myPn());

export const isMe = (wid) => Boolean(device) && [device.me.id, device.me.lid].includes(String(wid));

/** Learn that two identities, in either order, are one person's. */
export function learnPair(one, other) {
  if (!one || !other) return;
  const [lid, pn] = String(one).endsWith('@lid') ? [String(one), String(other)] : [String(other), String(one)];
  lidOfPn.set(pn, lid);
  pnOfLid.set(lid, pn);
}

export const lidOf = (wid) => asWid(lidOfPn.get(String(wid)));
export const pnOf = (wid) => asWid(pnOfLid.get(String(wid)));

/** The other identity of the same person, if it is known. */
export const otherIdentity = (wid) => (wid.isLid() ? pnOf(wid) : lidOf(wid));
