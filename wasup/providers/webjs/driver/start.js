// The beginning: whether WhatsApp is as we know it, and then everything is listened to.

/** Parts of WhatsApp's page that everything here stands on; one that is gone means: WhatsApp has changed. */
const NEEDED = [
  'ChatStore', 'Cmd', 'Conn', 'ContactStore', 'GroupMetadataStore', 'MsgKey', 'MsgStore', 'Socket', 'Stream',
  'UserPrefs', 'Wid', 'WidFactory', 'lidPnCache',
];
const NEEDED_FUNCTIONS = ['addAndSendMsgToChat', 'findOrCreateLatestChat', 'sendSeen', 'queryWidExists', 'sendReactionToMsg'];

function missing() {
  const absent = (holder, names, prefix) =>
    names.filter((name) => {
      try {
        return holder[name] == null;
      } catch {
        return true;
      }
    }).map((name) => prefix + name);
  return [
    ...absent(WPP.whatsapp, NEEDED, ''),
    ...absent(WPP.whatsapp.functions, NEEDED_FUNCTIONS, 'functions.'),
  ];
}

tell('boot', { url: location.href, bundle: WPP && WPP.version });
WPP.loader.onInjected(() => {
  const gone = missing();
  tell('injected', { missing: gone, version: text(window.Debug && window.Debug.VERSION) });
  if (gone.length) return;
  watchConnection();
  watchChats();
  tellState();
});
