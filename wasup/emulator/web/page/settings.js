// What the server tells every page that it serves.

const given = JSON.parse(document.getElementById('emulator-settings').textContent);

/** Version of the played WhatsApp Web build. */
export const buildVersion = given.buildVersion;

/** Version of the frames on the socket. */
export const wireVersion = given.wireVersion;

/** Breakages that a developer asked for: `{phone, what, module, member}`; `phone` null means every page. */
export const breakages = given.breakages;
