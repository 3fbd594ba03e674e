// whatsapp-web.js, unmodified: logs in by QR code, says hello, tells what it receives.

const { Client, LocalAuth } = require('whatsapp-web.js');
const { browserArguments, endWithStdin, executablePath, folder, tell } = require('./session.js');

const client = new Client({
  authStrategy: new LocalAuth({ dataPath: folder }),
  webVersionCache: { type: 'none' },
  puppeteer: { headless: true, executablePath, args: browserArguments },
});

client.on('qr', (qr) => tell('qr', { qr }));
client.on('ready', async () => {
  tell('ready', { me: client.info.wid._serialized });
  const sent = await client.sendMessage('15550001111@c.us', 'hello from whatsapp-web.js');
  tell('sent', { id: sent.id.id });
});
client.on('message_ack', (message, ack) => tell('ack', { id: message.id.id, ack }));
client.on('message', async (message) => {
  tell('message', { id: message.id.id, type: message.type, body: message.body, from: message.from });
  if (!message.hasMedia) return;
  const media = await message.downloadMedia();
  tell('media', { id: message.id.id, mime: media.mimetype, size: Buffer.from(media.data, 'base64').length });
});

endWithStdin(() => client.destroy());
client.initialize();
