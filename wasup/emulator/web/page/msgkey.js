// Keys of messages: `fromMe_chat_id`, in groups with the sender at the end.

import { Wid, asWid } from './wid.js';

const ID_BYTES = 9;

export class MsgKey {
  constructor(given) {
    if (given === null || given === undefined) throw new Error('MsgKey error: obj is null/undefined');
    this.fromMe = given.fromMe ?? given.selfDir === 'out';
    this.remote = asWid(given.remote ?? (this.fromMe ? given.to : given.from));
    this.id = given.id;
    if (given.participant && (this.remote.isGroup() || this.remote.isStatus())) {
      this.participant = asWid(given.participant);
    }
    this._serialized = [this.fromMe, this.remote, this.id, this.participant].filter((part) => part !== undefined).join('_');
  }

  toString() {
    return this._serialized;
  }

  equals(other) {
    return Boolean(other) && String(other) === this._serialized;
  }

  clone() {
    return new MsgKey(this);
  }

  static fromString(text) {
    const [fromMe, remote, id, participant] = String(text).split('_');
    return new MsgKey({ fromMe: fromMe === 'true', remote: new Wid(remote), id, participant });
  }

  static from(given) {
    return new MsgKey(given);
  }

  static newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES));
    return `3EB0${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('').toUpperCase()}`;
  }

  static displayName() {
    return 'MsgKey';
  }
}
