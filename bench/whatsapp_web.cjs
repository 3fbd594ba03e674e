// whatsapp-web.js as it is used for several accounts: one process, and a browser for each account.
//
// Arguments: those of session.js. Each line on standard input logs in another account, by a QR code that is told.

const { Client, LocalAuth } = require('whatsapp-web.js');
const { browserArguments, endWithStdin, executablePath, folder, tell } = require('../tests/emulator/clients/session.js');

const clients = [];

function another() {
  const account = clients.length + 1;
  const client = new Client({
    authStrategy: new LocalAuth({ dataPath: folder, clientId: String(account) }),
    webVersionCache: { type: 'none' },
    puppeteer: { headless: true, executablePath, args: browserArguments },
  });
  clients.push(client);
  client.on('qr', (qr) => tell('qr', { account, qr }));
  client.on('ready', () => tell('ready', { account }));
  client.initialize();
}

process.stdin.on('data', (lines) => {
  for (const _ of lines.toString().trim().split('\n')) another();
});
endWithStdin(() => Promise.all(clients.map((client) => client.destroy())));
