// All of WhatsApp's modules that the page plays; and the one that names its collections.

import { defineModule, exportsOf } from '../loader.js';
import './basics.js';
import './identity.js';
import './connection.js';
import { contacts } from './contacts.js';
import { groups } from './groups.js';
import { messages } from './messages.js';
import { chats, newsletters } from './chats.js';
import './sending.js';
import './reactions.js';
import './receiving.js';
import './history.js';
import './media.js';
import './presence.js';
import './pictures.js';
import { calls, empty } from './unplayed.js';

defineModule('WAWebCollections', {
  Chat: chats,
  Msg: messages,
  Contact: contacts,
  GroupMetadata: groups,
  WAWebGroupMetadataCollection: groups,
  WAWebNewsletterCollection: newsletters,
  Call: calls,
  Presence: exportsOf('WAWebPresenceCollection').PresenceCollection,
  ProfilePicThumb: exportsOf('WAWebProfilePicThumbCollection').ProfilePicThumbCollection,
  Reactions: exportsOf('WAWebReactionsCollection').ReactionsCollection,
  ...empty,
});
