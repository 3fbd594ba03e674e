// WhatsApp's modules that libraries look for and put themselves around, and of which nothing is played.

import { BaseCollection } from '../collection.js';
import { EventEmitter } from '../emitter.js';
import { defineModule, defineValue } from '../loader.js';
import { BaseModel } from '../model.js';

class Unplayed extends BaseModel {}

// The classes stay inside: wa-js takes an `…Impl` before the collection itself.
function emptyCollection(id, name) {
  class EmptyCollection extends BaseCollection {
    static model = Unplayed;
  }
  const collection = new EmptyCollection();
  defineModule(id, { [name]: collection });
  return collection;
}
export const empty = {
  Blocklist: emptyCollection('WAWebBlocklistCollection', 'BlocklistCollection'),
  Label: emptyCollection('WAWebLabelCollection', 'LabelCollection'),
  QuickReply: emptyCollection('WAWebQuickReplyCollection', 'QuickReplyCollection'),
  Status: emptyCollection('WAWebStatusCollection', 'StatusCollection'),
};

class CallModel extends BaseModel {}
CallModel.prototype.proxyName = 'call';
defineModule('WAWebCallModel', { CallModel });
class CallCollection extends BaseCollection {
  static model = CallModel;

  _callMap = new Map();

  processIncomingCall(call) {
    this._callMap.set(call.id, call);
    return this.add(call);
  }

  setActiveCall(call) {
    this.activeCall = call;
  }
}
export const calls = new CallCollection();
defineValue('WAWebCallCollection', calls);

class SearchQuery extends EventEmitter {
  updateLabelQuery(filter) {
    this.filter = filter;
  }
}
defineModule('WAWebChatSearchQuery', { SearchQuery });
defineModule('WAWebBackendJobsCommon', { mediaTypeFromProtobuf: () => null, encodeMaybeMediaType: (type) => type });
defineModule('WAWebE2EProtoUtils', { typeAttributeFromProtobuf: () => 'text' });

const WITHOUT_EFFECT = {
  WAWebE2EProtoGenerator: ['createMsgProtobuf'],
  WAWebEncryptMsgJob: ['encryptAndSendMsg'],
  WAWebSendMsgCreateFanoutStanza: ['createFanoutMsgStanza'],
  WAWebMediaVideoThumbs: ['generateVideoThumbsAndDuration'],
  WAWebChatPinBridge: ['getNumChatsPinned'],
  WAWebLabelAction: [
    'addToLabelCollection', 'removeLabelFromCollection', 'createLabelItemId', 'getParentCollection', 'initializeLabels',
  ],
  WAWebPollsVotesDb: ['upsertVotesDb'],
  WAWebHandleSingleMsg: ['handleSingleMsg'],
  WAWebPrimaryFeatures: ['primaryFeatureEnabled'],
  WAWebCreateChatRecord: ['createChatRecord'],
  WAWebInboxFilters: ['isFilterExcludedFromSearchTreatmentInInboxFlow'],
};
for (const [id, names] of Object.entries(WITHOUT_EFFECT)) {
  defineModule(id, Object.fromEntries(names.map((name) => [name, async () => undefined])));
}
