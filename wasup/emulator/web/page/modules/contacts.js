// WhatsApp's modules about people: contacts, their getters, whether a number exists.

import { BaseCollection } from '../collection.js';
import { defineModule, exportsOf } from '../loader.js';
import { BaseModel } from '../model.js';
import { ask } from '../socket.js';
import { isMe, learnPair, pnOf } from '../session.js';
import { Wid, asWid } from '../wid.js';

export class Contact extends BaseModel {
  static defaults() {
    return { name: undefined, pushname: undefined, type: 'in', isBusiness: false, isContactBlocked: false, labels: [] };
  }

  get phoneNumber() {
    return this.id?.isLid() ? pnOf(this.id) : undefined;
  }

  getProfilePicThumb() {
    return exportsOf('WAWebProfilePicThumbCollection').ProfilePicThumbCollection.get(this.id);
  }
}
Contact.prototype.proxyName = 'contact';
defineModule('WAWebContactModel', { Contact });

class ContactCollectionImpl extends BaseCollection {
  static model = Contact;

  async findImpl(id) {
    return this.add({ id: asWid(id) });
  }
}
export const contacts = new ContactCollectionImpl();
defineModule('WAWebContactCollection', { ContactCollection: contacts, ContactCollectionImpl });

/** The account learns of a person: what the emulator tells, in its words. */
export function putContact({ id, alt, name, push_name: pushname }) {
  learnPair(id, alt);
  const known = contacts.get(id);
  contacts.add(
    {
      id: new Wid(id),
      name: name ?? known?.name,
      shortName: (name ?? known?.name)?.split(' ')[0],
      pushname: pushname ?? known?.pushname,
      isAddressBookContact: name || known?.name ? 1 : 0,
    },
    { merge: true },
  );
}

/** The contact behind an id; made on the way, so that every sender has one. */
export const contactOf = (wid) => contacts.get(wid) ?? contacts.add({ id: asWid(wid) });

const nameOf = (contact) => contact.name ?? contact.pushname ?? `+${contact.id.user}`;
const never = () => false;
const nothing = () => undefined;

defineModule('WAWebContactGetters', {
  getName: (contact) => contact.name,
  getShortName: (contact) => contact.shortName,
  getPushname: (contact) => contact.pushname,
  getNotifyName: (contact) => contact.pushname,
  getIsMe: (contact) => isMe(contact.id),
  getUserid: (contact) => contact.id.user,
  getUserhash: (contact) => contact.id.user,
  getIsUser: (contact) => contact.id.isUser(),
  getIsGroup: (contact) => contact.id.isGroup(),
  getIsBroadcast: (contact) => contact.id.isBroadcast(),
  getIsNewsletter: (contact) => contact.id.isNewsletter(),
  getIsPSA: (contact) => contact.id.isPSA(),
  getIsWAContact: (contact) => contact.id.isUser(),
  getIsIAS: never,
  getIsSupportAccount: never,
  getIsEnterprise: never,
  getCanRequestPhoneNumber: never,
  getShowBusinessCheckmarkAsPrimary: never,
  getShowBusinessCheckmarkAsSecondary: never,
  getShowBusinessCheckmarkInChatlist: never,
  getIsDisplayNameApproved: () => true,
  getShouldForceBusinessUpdate: never,
  getStatusMute: never,
  getPremiumMessageName: nothing,
  getVerifiedName: nothing,
  getVerifiedLevel: () => 0,
});
defineModule('WAWebFrontendContactGetters', {
  getPhoneNumber: (contact) => contact.phoneNumber ?? contact.id,
  getPnForLid: (contact) => contact.phoneNumber,
  getTextStatusString: () => '',
  getDisplayName: nameOf,
  getUserDisplayNameForLid: nameOf,
  getDisplayNameOrPnForLid: nameOf,
  getFormattedName: nameOf,
  getFormattedShortName: nameOf,
  getFormattedShortNameWithNonBreakingSpaces: nameOf,
  getFormattedPhone: (contact) => `+${(contact.phoneNumber ?? contact.id).user}`,
  getFormattedUsernameOrPhone: (contact) => `+${contact.id.user}`,
  getFormattedUser: (contact) => contact.id.user,
  getMentionName: nameOf,
  getSearchName: (contact) => nameOf(contact).toLowerCase(),
  getSearchVerifiedName: nothing,
  getIsMyContact: (contact) => Boolean(contact.isAddressBookContact),
  getHeader: (contact) => nameOf(contact)[0],
});

/** Ask WhatsApp whether somebody is there; null if not. */
export async function queryExists(wid) {
  const found = await ask({ t: 'exists', id: String(wid) });
  if (!found.id) return null;
  learnPair(found.id, found.alt);
  return { wid: new Wid(found.id), biz: false };
}
defineModule('WAWebQueryExistsJob', {
  queryWidExists: async (wid) => {
    const found = await queryExists(wid);
    return found && { ...found, wid };
  },
  queryPhoneExists: (phone) => queryExists(new Wid(`${String(phone).replace(/\D/g, '')}@c.us`)),
});

function vcardFromContactModel(contact) {
  const name = contact.formattedName ?? nameOf(contact);
  const digits = (contact.phoneNumber ?? contact.id).user;
  const vcard = [
    'BEGIN:VCARD', 'VERSION:3.0', `N:;${name};;;`, `FN:${name}`, `TEL;type=CELL;waid=${digits}:+${digits}`, 'END:VCARD',
  ].join('\n');
  return { displayName: name, vcard, isMultiVcard: false };
}
const vcards = { vcardFromContactModel, mergeVcards: (given) => given[0] };
defineModule('WAWebFrontendVcardUtils', vcards);
