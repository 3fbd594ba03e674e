// What a person at this page would see: little, and drawn only when the page changes its state.

import { Conn, Socket, Stream } from './modules/connection.js';
import { chats } from './modules/chats.js';

const root = document.getElementById('app');

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function landing() {
  const code = element('div', {}, element('canvas', { width: 10, height: 10 }));
  if (!Conn.ref) return element('div', { className: 'landing' }, 'Click to reload QR code');
  code.dataset.ref = Conn.ref;
  return element('div', { className: 'landing' }, element('h1', {}, 'Log into WhatsApp Web'), code);
}

function draw() {
  if (Stream.mode === 'QR') root.replaceChildren(landing());
  else if (Stream.mode === 'MAIN') root.replaceChildren(element('div', { id: 'side' }, `${chats.length} chats`));
  else root.replaceChildren(element('div', { className: 'wait' }, Stream.mode));
}

/** Draw now, and whenever the state changes. */
export function startDrawing() {
  Stream.on('change:mode', draw);
  Socket.on('change:state', draw);
  Conn.on('change:ref', draw);
  draw();
}
