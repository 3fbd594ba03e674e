// WPPConnect, unmodified: logs in by QR code, says hello, tells what it receives.

const wppconnect = require('@wppconnect-team/wppconnect');
const { browserArguments, endWithStdin, executablePath, folder, tell } = require('./session.js');

wppconnect.defaultLogger.transports.forEach((transport) => {
  transport.silent = true; // standard output is for events
});

// It takes a code that is scanned before it has begun to wait for that for a phone that is not connected: people are
// slower than this.
let code = null;
let waits = false;

function offer() {
  if (waits && code) tell('qr', { qr: code });
}

async function run() {
  let client = null;
  endWithStdin(async () => client?.close());
  client = await wppconnect.create({
    session: 'test',
    folderNameToken: folder,
    headless: true,
    useChrome: false,
    logQR: false,
    updatesLog: false,
    disableWelcome: true,
    autoClose: 0,
    whatsappVersion: null,
    browserArgs: browserArguments,
    puppeteerOptions: { executablePath, userDataDir: folder },
    catchQR: (_image, _ascii, _attempt, qr) => {
      code = qr;
      offer();
    },
    statusFind: (status) => {
      if (status !== 'notLogged') return;
      waits = true;
      offer();
    },
  });
  client.onAck((ack) => tell('ack', { id: ack.id.id, ack: ack.ack }));
  client.onMessage(async (message) => {
    tell('message', { id: message.id.split('_')[2], type: message.type, body: message.body, from: message.from });
    if (!message.mimetype) return;
    const media = await client.downloadMedia(message.id);
    const [head, data] = media.split(',');
    tell('media', {
      id: message.id.split('_')[2], mime: head.slice(5).split(';')[0], size: Buffer.from(data, 'base64').length,
    });
  });
  tell('ready', { me: await client.getWid() });
  const sent = await client.sendText('15550001111@c.us', 'hello from WPPConnect');
  tell('sent', { id: sent.id.split('_')[2] });
}

run().catch((error) => {
  tell('error', { text: String(error?.stack ?? error) });
  process.exit(1);
});
