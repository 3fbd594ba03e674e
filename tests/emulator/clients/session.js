// What the two clients have in common: where WhatsApp is, how events are told, and when it is over.
//
// Arguments: the TLS port of the emulator, the path of Chromium, a folder for the browser's profile. Events go out as
// JSON lines on standard output; the end of standard input ends the process.

const [tlsPort, executablePath, folder] = process.argv.slice(2);

const browserArguments = [
  `--host-resolver-rules=MAP web.whatsapp.com 127.0.0.1:${tlsPort}`,
  '--ignore-certificate-errors',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];

function tell(event, details = {}) {
  process.stdout.write(`${JSON.stringify({ event, ...details })}\n`);
}

function endWithStdin(close) {
  process.stdin.resume();
  process.stdin.on('end', async () => {
    await close().catch(() => {});
    process.exit(0);
  });
}

module.exports = { browserArguments, endWithStdin, executablePath, folder, tell };
