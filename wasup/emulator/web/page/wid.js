// WhatsApp ids of people, groups and the rest.

const USER_SERVERS = new Set(['c.us', 'lid', 'bot', 'hosted', 'hosted.lid']);
const FORM = /^([^@:\s]+)(?::(\d+))?@([\w.]+)$/;

export class Wid {
  constructor(text) {
    const parts = FORM.exec(String(text).replace('@s.whatsapp.net', '@c.us'));
    if (!parts) throw new Error(`wid error: invalid wid ${text}`);
    const [, user, device, server] = parts;
    this.server = server;
    this.user = user;
    if (device) this.device = Number(device);
    this._serialized = `${user}${device ? `:${device}` : ''}@${server}`;
  }

  toString() {
    return this._serialized;
  }

  toJSON() {
    return this._serialized;
  }

  toJid() {
    return this._serialized.replace('@c.us', '@s.whatsapp.net');
  }

  equals(other) {
    return Boolean(other) && String(other) === this._serialized;
  }

  isSameAccount(other) {
    return Boolean(other) && other.user === this.user && other.server === this.server;
  }

  isGreaterThan(other) {
    return this._serialized > String(other);
  }

  isLessThan(other) {
    return this._serialized < String(other);
  }

  isUser() {
    return USER_SERVERS.has(this.server);
  }

  isUserNotPSA() {
    return this.isUser() && !this.isPSA();
  }

  isLid() {
    return this.server === 'lid';
  }

  isRegularUser() {
    return this.isUser() && !this.isPSA() && !this.isServer();
  }

  isRegularUserPn() {
    return this.server === 'c.us' && this.isRegularUser();
  }

  isBot() {
    return this.server === 'bot';
  }

  isGroup() {
    return this.server === 'g.us';
  }

  isNewsletter() {
    return this.server === 'newsletter';
  }

  isBroadcast() {
    return this.server === 'broadcast' && this.user !== 'status';
  }

  isStatus() {
    return this._serialized === 'status@broadcast';
  }

  isStatusV3() {
    return this.isStatus();
  }

  isPSA() {
    return this._serialized === '0@c.us';
  }

  isServer() {
    return this._serialized === 'server@c.us';
  }

  isGroupCall() {
    return this.server === 'call';
  }

  isCompanion() {
    return this.device !== undefined;
  }

  isHosted() {
    return false;
  }

  isOfficialBizAccount() {
    return false;
  }

  getDeviceId() {
    return this.device ?? 0;
  }

  getSignalAddress() {
    return this._serialized;
  }

  static isWid(text) {
    return FORM.test(String(text).replace('@s.whatsapp.net', '@c.us'));
  }

  static canBeWid(text) {
    return Wid.isWid(text);
  }

  static isXWid(server, text) {
    return Wid.isWid(text) && new Wid(text).server === server;
  }

  static user(text) {
    return new Wid(text).user;
  }

  static equals(one, other) {
    return String(one) === String(other);
  }
}

const STATIC_TESTS = [
  'isUser', 'isGroup', 'isLid', 'isBroadcast', 'isStatus', 'isStatusV3', 'isPSA', 'isServer', 'isNewsletter', 'isBot',
  'isGroupCall',
];
for (const test of STATIC_TESTS) {
  Wid[test] = (text) => Wid.isWid(text) && new Wid(text)[test]();
}

/** A wid of a text; a wid stays itself, nothing stays undefined. */
export function asWid(given) {
  if (given === null || given === undefined) return undefined;
  return given instanceof Wid ? given : new Wid(given);
}
