// WhatsApp's modules about who writes now, in both directions.

import { BaseCollection, Collection } from '../collection.js';
import { defineModule } from '../loader.js';
import { BaseModel } from '../model.js';
import { ask } from '../socket.js';
import { asWid } from '../wid.js';

class Chatstate extends BaseModel {
  static defaults() {
    return { type: undefined, deny: false, t: undefined };
  }
}
class ChatstateCollectionImpl extends Collection {
  static model = Chatstate;
}
defineModule('WAWebChatstateModel', { Chatstate, ChatstateCollection: ChatstateCollectionImpl });

class Presence extends BaseModel {
  constructor(attributes) {
    super({
      isOnline: false, hasData: false, chatstate: new Chatstate({ id: attributes.id }),
      chatstates: new ChatstateCollectionImpl(), ...attributes,
    });
  }

  get isGroup() {
    return Boolean(this.id?.isGroup());
  }

  get isUser() {
    return Boolean(this.id?.isUser());
  }

  async subscribe() {} // the emulator tells every client anyway
}
defineModule('WAWebPresenceModel', { Presence });

class PresenceCollection extends BaseCollection {
  static model = Presence;
}
const presences = new PresenceCollection();
defineModule('WAWebPresenceCollection', { PresenceCollection: presences });

/** Somebody writes in a chat, or has stopped. */
export function receiveTyping({ chat, participant, active }) {
  const presence = presences.gadd(asWid(chat));
  const type = active ? 'composing' : 'available';
  presence.set({ hasData: true, isOnline: true });
  if (participant) presence.chatstates.add({ id: asWid(participant), type }, { merge: true });
  presence.chatstate.set({ type, t: Date.now() });
  presences.trigger('change:chatstate.type', presence.chatstate);
}

const tell = (active) => (given) => ask({ t: 'set_typing', chat: String(given.id ?? given), active });
defineModule('WAWebChatPresenceBridge', {
  markComposing: tell(true), markRecording: tell(true), markPaused: tell(false), sendPresenceAvailable() {},
  sendPresenceUnavailable() {}, clearPresence() {},
});
defineModule('WAWebChatStateBridge', {
  sendChatStateComposing: tell(true), sendChatStateRecording: tell(true), sendChatStatePaused: tell(false),
});
const subscribe = async () => {};
defineModule('WAWebContactPresenceBridge', { subscribeUserPresence: subscribe, subscribeGroupPresence: subscribe });
