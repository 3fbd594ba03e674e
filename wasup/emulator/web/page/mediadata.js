// What WhatsApp keeps about the file of a message; the message tells its changes too.

import { BaseModel } from './model.js';

export class MediaData extends BaseModel {
  bubble(name, ...values) {
    super.bubble(name, ...values);
    if (name.startsWith('change:')) this.message?.trigger(`change:mediaData.${name.slice(7)}`, ...values);
  }

  toJSON() {
    const { mediaBlob, ...rest } = this.attributes;
    return rest;
  }

  serialize() {
    return this.toJSON();
  }
}
