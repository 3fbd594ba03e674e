// The way in: everything that we may ask for.

let echoes = 0; // probes answered so far

const calls = {
  /** Everything that the connection was before somebody listened. */
  state: async () => tellState(),

  /** A page that is alive asks WhatsApp whether our own number exists: there and back. */
  probe: async () => {
    const { functions, UserPrefs } = WPP.whatsapp;
    const wid = UserPrefs.getMaybeMePnUser();
    if (!wid) throw new Refusal('network', 'nobody is logged in', true);
    await functions.queryWidExists(wid);
    echoes += 1;
    tell('echo', { number: echoes }); // what this page tells has to arrive, too
    return echoes;
  },

  /** Alive: nothing more. */
  beat: async () => {},

  /** Whether the page has loaded, and what of WhatsApp's own loader of modules is not there then. */
  start: async () => ({
    loaded: document.readyState === 'complete',
    missing: [
      ...(typeof window.require === 'function' ? [] : ['require']),
      ...(window.Debug && window.Debug.VERSION ? [] : ['Debug.VERSION']),
    ],
  }),

  refresh_qr: async () => void (await WPP.conn.refreshQR()),

  pairing_code: async ({ phone }) => WPP.conn.genLinkDeviceCodeForPhoneNumber(phone),

  logout: async () => void WPP.whatsapp.Socket.logout(),

  /** Only begun: WhatsApp is asked for one person after another, which takes minutes where there are many. */
  watch_typing: async () => {
    const people = WPP.whatsapp.ChatStore.getModelsArray().filter((model) => model.id.isUser());
    WPP.contact.subscribePresence(people.map((model) => String(model.id))).catch((error) => {
      tell('trouble', { where: 'typing', detail: String(error && error.message) });
    });
  },

  chats: async () => WPP.whatsapp.ChatStore.getModelsArray().filter((model) => writable(model.id)).map(chat),

  contacts: async () =>
    WPP.whatsapp.ContactStore.getModelsArray().filter((model) => model.id.isUser() && !model.id.isPSA()).map(contact),

  groups: async () => {
    const joined = WPP.whatsapp.ChatStore.getModelsArray().filter((model) => model.id.isGroup());
    const found = await Promise.allSettled(joined.map((model) => WPP.whatsapp.GroupMetadataStore.find(model.id)));
    const unread = found.find(({ status }) => status === 'rejected'); // one that was left, perhaps
    if (unread) tell('trouble', { where: 'groups', detail: String(unread.reason) });
    return found.map(({ value }) => value).filter(Boolean).map(group);
  },

  ...historyCalls,
  ...sendingCalls,
  ...mediaCalls,
};

window.__wasup = {
  call: async (name, args) => {
    try {
      return json({ ok: (await calls[name](args)) ?? null });
    } catch (error) {
      const { code, transient } = error || {};
      const detail = String((error && error.message) || error);
      return json({ error: { code: text(code) || 'failed', detail, transient: transient === true } });
    }
  },
};

