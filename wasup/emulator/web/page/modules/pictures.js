// WhatsApp's modules about profile pictures.

import { BaseCollection } from '../collection.js';
import { defineModule } from '../loader.js';
import { BaseModel } from '../model.js';
import { ask } from '../socket.js';
import { asWid } from '../wid.js';

class ProfilePicThumb extends BaseModel {}
ProfilePicThumb.prototype.proxyName = 'profile-pic-thumb';
defineModule('WAWebProfilePicThumbModel', { ProfilePicThumb });

async function addressOf(wid) {
  const { path } = await ask({ t: 'picture', id: String(wid) });
  return path ? location.origin + path : undefined;
}

class ProfilePicThumbCollection extends BaseCollection {
  static model = ProfilePicThumb;

  /** Asked every time: people change their pictures. */
  async find(id) {
    const address = await addressOf(id);
    return this.add({ id: asWid(id), img: address, imgFull: address, eurl: address }, { merge: true });
  }
}
defineModule('WAWebProfilePicThumbCollection', { ProfilePicThumbCollection: new ProfilePicThumbCollection() });

const bridge = async (wid) => {
  const address = await addressOf(wid);
  return { eurl: address, previewEurl: address };
};
defineModule('WAWebContactProfilePicThumbBridge', { profilePicFind: bridge, requestProfilePicFromServer: bridge });
