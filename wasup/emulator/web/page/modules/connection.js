// WhatsApp's modules about the connection: Socket, Stream, Conn, Cmd, the network's state, linking by code.

import { EventEmitter } from '../emitter.js';
import { defineModule, defineValue } from '../loader.js';
import { BaseModel } from '../model.js';
import { ask, isOpen, onFrame, openLine } from '../socket.js';
import { myPn, paired } from '../session.js';

class SocketImpl extends BaseModel {
  static defaults() {
    return { state: 'UNLAUNCHED', stream: 'DISCONNECTED', hasSynced: false, retryTimestamp: null };
  }

  initConn() {}

  poke() {
    openLine();
  }

  reconnect() {
    openLine();
  }

  takeover() {
    openLine();
  }

  logout() {
    ask({ t: 'logout' }).catch(() => {}); // the goodbye that follows tells more
  }
}
export const Socket = new SocketImpl();
defineModule('WAWebSocketModel', { Socket });

class StreamImpl extends BaseModel {
  static defaults() {
    return { mode: 'QR', info: 'OPENING', displayInfo: 'OPENING', needsUpdate: false, available: true };
  }

  markAvailable() {
    this.set({ available: true });
  }

  markUnavailable() {
    this.set({ available: false });
  }
}
export const Stream = new StreamImpl();
defineModule('WAWebStreamModel', { Stream });

class ConnImpl extends BaseModel {
  static defaults() {
    return {
      id: 'conn', ref: undefined, refTTL: 20_000, connected: false, platform: 'android', battery: 100,
      pushname: paired()?.me.push_name, wid: myPn(),
    };
  }
}
export const Conn = new ConnImpl();
defineModule('WAWebConnModel', { Conn });

export class CmdImpl extends EventEmitter {
  isMainLoaded = false;

  refreshQR() {
    openLine();
  }

  mainLoaded() {
    this.isMainLoaded = true;
    this.trigger('main_loaded');
  }

  logout() {
    this.trigger('logout');
  }

  setActiveFilter() {}

  closeChat() {}
}
export const Cmd = new CmdImpl();
defineModule('WAWebCmd', { Cmd, CmdImpl });
defineModule('WAWebLaunchSocketUtils', { refreshQR: () => Cmd.refreshQR() });

export const BackendEventBus = new EventEmitter();
defineModule('WAWebBackendEventBus', {
  BackendEventBus,
  BackendEvent: { LOGOUT: 'logout', SET_SOCKET_STATE: 'set_socket_state', ON_CRITICAL_SYNC_DONE: 'on_critical_sync_done' },
});

class NetworkStatusImpl extends BaseModel {
  static defaults() {
    return { online: true };
  }

  checkOnline() {
    return this.online;
  }
}
export const NetworkStatus = new NetworkStatusImpl();
defineValue('WAWebNetworkStatus', NetworkStatus);
defineModule('WAWebOfflineHandler', { OfflineMessageHandler: { getOfflineDeliveryProgress: () => 100 } });

const LOGOUT_CODES = { account_locked: '3', user_initiated: null };
defineModule('WAWebLogoutReasonConstants', {
  LogoutReason: {
    UserInitiated: 'user_initiated', UnknownCompanion: 'unknown_companion', AccountLocked: 'account_locked',
    SyncdFailure: 'syncd_failure',
  },
  LOGOUT_REASON_CODE: { CLIENT_FATAL: '0', SYNC_FAIL: '1', INITIAL_HISTORY_SYNC_TIMEOUT: '2', ACCOUNT_LOCKED: '3' },
});
defineModule('WAWebLogoutReason', {
  getErrorCodeFromLogoutReason: (reason) => (reason in LOGOUT_CODES ? LOGOUT_CODES[reason] : '0'),
  setPrevLogoutReasonCode() {},
  setPrevCustomLogoutMessage() {},
  getPrevLogoutReasonCode: () => null,
  getPrevCustomLogoutMessage: () => null,
});

// -- linking by a code typed on the phone ------------------------------------------------------------------

/** Move the page to a state of its connection; `mode` is what the whole page shows. */
export function enterState(state, mode, info = 'NORMAL') {
  Socket.set({ state });
  Stream.set({ mode, info, displayInfo: info });
}

let codeArrived = Promise.withResolvers();
onFrame('code', (frame) => codeArrived.resolve(frame.code));

function qrOnOffer() {
  if (Conn.ref && Socket.state === 'UNPAIRED') return Promise.resolve();
  if (!isOpen()) openLine(); // the codes had run out
  return new Promise((resolve) => {
    Conn.once('change:ref', () => resolve());
  });
}

// The emulator gives a code only while it has QR codes on offer, as the attempt to pair is one.
async function linkByCode(phone) {
  await qrOnOffer();
  codeArrived = Promise.withResolvers();
  await ask({ t: 'request_code', phone: String(phone).replace(/\D/g, '') }, { whilePairing: true });
  return codeArrived.promise;
}

defineModule('WAWebAltDeviceLinkingApi', {
  setPairingType() {},
  initializeAltDeviceLinking: async () => {},
  initializeQRLinking: async () => {},
  startAltLinkingFlow: linkByCode,
  genLinkDeviceCodeForPhoneNumber: linkByCode,
});
const linkDeviceEvents = new EventEmitter();
linkDeviceEvents.triggerRefreshAltLinkingCode = () =>
  linkDeviceEvents.trigger('link_device_events:refresh_alt_linking_code');
defineModule('WAWebLinkDeviceEvents', { WAWebLinkDeviceEvents: linkDeviceEvents });
