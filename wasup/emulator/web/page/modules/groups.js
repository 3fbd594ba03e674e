// WhatsApp's modules about groups and who is in them.

import { BaseCollection, Collection } from '../collection.js';
import { defineModule, defineValue, exportsOf } from '../loader.js';
import { BaseModel } from '../model.js';
import { isMe, learnPair } from '../session.js';
import { Wid, asWid } from '../wid.js';
import { now } from './basics.js';
import { contactOf } from './contacts.js';

class Participant extends BaseModel {
  static defaults() {
    return { isAdmin: false, isSuperAdmin: false };
  }

  get contact() {
    return this.id && contactOf(this.id);
  }
}
Participant.prototype.proxyName = 'participant';
defineModule('WAWebParticipantModel', { Participant });

export class ParticipantCollection extends Collection {
  static model = Participant;

  iAmMember() {
    return this.some((one) => isMe(one.id));
  }

  iAmAdmin() {
    return this.some((one) => isMe(one.id) && one.isAdmin);
  }

  iAmSuperAdmin() {
    return this.some((one) => isMe(one.id) && one.isSuperAdmin);
  }

  iAmRestrictedMember() {
    return false;
  }

  canAdd() {
    return this.iAmAdmin();
  }

  getAdmins() {
    return this.filter((one) => one.isAdmin);
  }
}
defineValue('WAWebParticipantCollection', ParticipantCollection);

class GroupMetadata extends BaseModel {
  static defaults() {
    return {
      announce: false, restrict: false, groupType: 'DEFAULT', memberAddMode: 'all_member_add', size: 0,
      participants: new ParticipantCollection(),
    };
  }
}
GroupMetadata.prototype.proxyName = 'group-metadata';
defineModule('WAWebGroupMetadataModel', { GroupMetadata });

class GroupMetadataCollection extends BaseCollection {
  static model = GroupMetadata;

  _handleParentGroupChange() {} // libraries know the collection by it
}
export const groups = new GroupMetadataCollection();
defineValue('WAWebGroupMetadataCollection', groups);

defineModule('WAWebGroupQueryJob', {
  queryAllGroups: async () =>
    groups.map((group) => ({
      id: group.id, subject: group.subject, participants: group.participants.map((one) => one.id), size: group.size,
    })),
});

// What happens to the members of a group passes here, where libraries listen.
defineModule('WAWebGroupModifyParticipantsDb', { updateDBForGroupAction: async () => {} });

/** A group as the emulator tells it; `isNews` when members may have changed since. */
export function putGroup({ id, subject, owner, created_at: createdAt, participants }, { isNews = false } = {}) {
  const wid = new Wid(id);
  const known = groups.get(id);
  const group = known ?? groups.add({ id: wid });
  if (participants) {
    for (const { id: one, alt } of participants) learnPair(one, alt);
    if (isNews && known) tellChanges(group, participants, owner);
    refill(group.participants, participants, owner);
  }
  group.set({
    subject: subject ?? group.subject,
    owner: asWid(owner) ?? group.owner,
    creation: createdAt === undefined ? group.creation : Math.floor(createdAt / 1000),
    size: group.participants.length,
  });
  contactOf(wid).set({ name: group.subject });
  return group;
}

function refill(collection, participants, owner) {
  const staying = new Set(participants.map(({ id }) => id));
  collection.remove(collection.filter((one) => !staying.has(String(one.id))));
  for (const { id, admin } of participants) {
    collection.add({ id: new Wid(id), isAdmin: Boolean(admin), isSuperAdmin: id === owner }, { merge: true });
  }
}

function tellChanges(group, participants, owner) {
  const before = new Map(group.participants.map((one) => [String(one.id), one.isAdmin]));
  const after = new Map(participants.map(({ id, admin }) => [id, Boolean(admin)]));
  const both = [...after.keys()].filter((id) => before.has(id));
  const changes = {
    add: [...after.keys()].filter((id) => !before.has(id)),
    remove: [...before.keys()].filter((id) => !after.has(id)),
    promote: both.filter((id) => after.get(id) && !before.get(id)),
    demote: both.filter((id) => !after.get(id) && before.get(id)),
  };
  for (const [actionType, ids] of Object.entries(changes)) {
    if (!ids.length) continue;
    const members = ids.map((id) => ({ id: new Wid(id), isAdmin: after.get(id) ?? false, isSuperAdmin: false }));
    const action = { actionType, action: actionType, participants: members, prevVersion: 0, version: 1, reason: '' };
    const about = { chatId: group.id, author: asWid(owner), ts: now(), externalId: '', offline: null, actions: [action] };
    exportsOf('WAWebGroupModifyParticipantsDb').updateDBForGroupAction(about, action);
  }
}
