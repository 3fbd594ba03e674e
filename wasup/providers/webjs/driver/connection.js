// Where the connection stands, and how one logs in.

/** Where the connection stands. Told at every change; whoever reads it decides what it means. */
function tellState() {
  const { Socket, ChatStore } = WPP.whatsapp;
  const { mode, info } = WPP.conn.getStreamData();
  const authenticated = Boolean(WPP.conn.isAuthenticated());
  catchUp(authenticated && mode === 'MAIN' && Socket.state === 'CONNECTED' && WPP.isFullReady);
  tell('state', {
    socket: text(Socket.state),
    mode: text(mode),
    info: text(info),
    authenticated,
    // wa-js hears receipts, reactions and edits only from its own `isFullReady` on.
    synced: Socket.hasSynced !== false && WPP.conn.isMainLoaded() && WPP.isFullReady,
    chats: ChatStore.length,
    retry: (Socket.retryTimestamp || 0) / 1000 || undefined,
    me: authenticated ? me() : undefined,
  });
}

function tellCode(code) {
  if (code) tell('qr', { code: code.fullCode, ttl: (WPP.whatsapp.Conn.refTTL || 0) / 1000 });
}

function watchConnection() {
  const { Socket, ChatStore } = WPP.whatsapp;
  on(WPP, 'conn.auth_code_change', tellCode);
  // What has happened before we listened.
  WPP.conn.getAuthCode().then(tellCode, () => {});
  if (WPP.conn.isIdle()) tell('qr_exhausted');
  on(WPP, 'conn.qrcode_idle', () => tell('qr_exhausted'));
  on(WPP, 'conn.logout_reason', (reason) => tell('logout', { reason: text(reason) }));
  on(WPP, 'conn.logout', () => tell('logout', {}));
  on(WPP, 'conn.authenticated', tellState);
  on(WPP, 'conn.main_loaded', tellState);
  on(WPP, 'conn.stream_mode_changed', tellState);
  on(WPP, 'conn.stream_info_changed', tellState);
  WPP.loader.onFullReady(tellState);
  on(Socket, 'change:state', tellState);
  on(Socket, 'change:hasSynced', tellState);
  let due = false; // while chats are loaded, one report for as many as come in a moment
  on(WPP, 'chat.new_chat', () => {
    if (due || ChatStore.length === 0 || WPP.conn.getStreamData().mode === 'MAIN') return;
    due = true;
    setTimeout(() => {
      due = false;
      tellState();
    }, 500);
  });
}
