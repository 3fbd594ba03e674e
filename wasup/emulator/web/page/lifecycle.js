// From a QR code to messages, and every way it ends: what the frames of the emulator do to the page's state.

import { exportsOf } from './loader.js';
import { forgetDevice, keepDevice, myPn, paired } from './session.js';
import { closeLine, giveUpQuestions, lineIsReady, onCut, onFrame, openLine, say } from './socket.js';
import { Cmd, Conn, NetworkStatus, Socket, Stream, enterState } from './modules/connection.js';
import { putChat } from './modules/chats.js';
import { putContact } from './modules/contacts.js';
import { putGroup } from './modules/groups.js';
import { synchronise } from './modules/history.js';
import { receiveTyping } from './modules/presence.js';
import { receiveMessage, receiveReceipt } from './modules/receiving.js';

const LEAVE_AFTER_MS = 150; // so that listeners of the log-out have their say before the page goes

onFrame('qr', ({ code }) => {
  enterState('UNPAIRED', 'QR');
  const [, ref] = /(2@[^,]+)/.exec(code);
  Conn.set({ ref });
});

onFrame('paired', ({ me, device }) => {
  enterState('PAIRING', 'QR', 'PAIRING');
  keepDevice(device, me);
});

onFrame('progress', () => {
  if (Stream.mode === 'MAIN' || Stream.mode === 'SYNCING') return;
  NetworkStatus.set({ online: true });
  Conn.set({ connected: true, wid: myPn(), pushname: paired().me.push_name });
  enterState('CONNECTED', 'SYNCING', 'SYNCING');
});

onFrame('ready', async () => {
  lineIsReady();
  await synchronise();
  Cmd.trigger('offline_progress_update_from_bridge');
  if (!Cmd.isMainLoaded) Cmd.mainLoaded();
  enterState('CONNECTED', 'MAIN');
  Socket.set({ stream: 'CONNECTED', hasSynced: true });
});

const ITEMS = {
  message: receiveMessage,
  receipt: receiveReceipt,
  chat: putChat,
  contact: putContact,
  group: (group) => {
    putGroup(group, { isNews: true });
    putChat({ id: group.id, name: group.subject });
  },
};

// WhatsApp Web tells WhatsApp that it has something when it has it in memory: so does this page.
onFrame('deliver', async ({ token, items }) => {
  for (const { item, ...told } of items) {
    try {
      await ITEMS[item](told);
    } catch (error) {
      console.error('an item failed', item, error);
    }
  }
  say({ t: 'ack', tokens: [token] });
});

onFrame('typing', receiveTyping);

// -- the end --------------------------------------------------------------------------------------------------

onCut(() => {
  NetworkStatus.set({ online: false });
  enterState('TIMEOUT', 'OFFLINE', 'OFFLINE');
});

/** This device is not linked any more: forget it and leave, as WhatsApp does. */
function loggedOut(reason) {
  closeLine();
  giveUpQuestions('logged out');
  exportsOf('WAWebLogoutReason').getErrorCodeFromLogoutReason(reason);
  forgetDevice();
  Conn.set({ connected: false });
  Cmd.logout();
  const query = new URLSearchParams({ post_logout: '1', logout_reason: reason });
  setTimeout(() => location.replace(`${location.pathname}?${query}`), LEAVE_AFTER_MS);
}

function blocked(state) {
  closeLine();
  enterState(state, state);
}

const GOODBYES = {
  401: ({ detail }) => loggedOut(detail === 'device_removed' ? 'unknown_companion' : detail),
  402: ({ until }) => {
    Socket.set({ retryTimestamp: until * 1000 });
    blocked('TOS_BLOCK');
  },
  403: () => loggedOut('account_locked'),
  405: () => {
    Stream.set({ needsUpdate: true });
    blocked('DEPRECATED_VERSION');
  },
  406: () => blocked('TOS_BLOCK'),
  407: () => blocked('PROXYBLOCK'),
  408: () => {
    closeLine();
    Conn.set({ ref: undefined });
    enterState('UNPAIRED_IDLE', 'QR');
  },
  440: () => blocked('CONFLICT'),
  500: () => giveUpQuestions('the emulator did not understand'), // nor would it the next time
  515: () => openLine(),
};

// Other numbers need no words: the line closes, and the page comes back.
onFrame('bye', (bye) => GOODBYES[bye.code]?.(bye));

/** Connect for the first time. */
export function start() {
  enterState('OPENING', Stream.mode, 'OPENING');
  openLine();
}
