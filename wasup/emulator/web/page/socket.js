// The line to the emulator: frames as JSON, requests with answers, and coming back after a cut.

import { wireVersion } from './settings.js';
import { paired } from './session.js';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

const utf8 = new TextDecoder();
const listeners = new Map();
const unanswered = new Map();
let line = null;
let isReady = false;
let lastNumber = 0;
let failures = 0;
let reopening = null;
let onLost = () => {};

/** Call `handler` with each frame of a type; it may be async, frames wait for each other. */
export function onFrame(type, handler) {
  listeners.set(type, handler);
}

/** Call when the line is gone without a goodbye; the page tries again by itself. */
export function onCut(handler) {
  onLost = handler;
}

export const isOpen = () => line?.readyState === WebSocket.OPEN;

/** Open a new line, whatever there was before. */
export function openLine() {
  clearTimeout(reopening);
  closeLine();
  const opened = new WebSocket(new URL('/web/ws', location.href.replace(/^http/, 'ws')));
  opened.binaryType = 'arraybuffer'; // frames are UTF-8
  line = opened;
  let turn = Promise.resolve();
  opened.onopen = () => {
    say({ t: 'hello', version: wireVersion, session_id: 'web', device: paired()?.secret });
  };
  opened.onmessage = (event) => {
    const frame = read(event.data);
    if (!frame) {
      opened.close(); // not a frame: nothing that follows can be trusted
      return;
    }
    if (frame.n !== undefined) {
      settle(frame); // at once: a handler may be waiting for it
      return;
    }
    turn = turn.then(() => hear(opened, frame)).catch((error) => console.error('a frame failed', error));
  };
  opened.onclose = () => {
    if (line !== opened) return;
    line = null;
    isReady = false;
    onLost();
    reopenLater();
  };
}

/** Close the line for good, or until `openLine`. */
export function closeLine() {
  clearTimeout(reopening);
  const closed = line;
  line = null;
  isReady = false;
  closed?.close();
}

function read(data) {
  try {
    return JSON.parse(utf8.decode(data));
  } catch {
    return null;
  }
}

function reopenLater() {
  const wait = Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS);
  failures += 1;
  reopening = setTimeout(openLine, wait);
}

async function hear(from, frame) {
  if (from === line) await listeners.get(frame.t)?.(frame);
}

function settle(frame) {
  const request = unanswered.get(frame.n);
  unanswered.delete(frame.n);
  if (frame.t === 'failed') request?.reject(new Refused(frame));
  else request?.resolve(frame);
}

/** The emulator did not do what it was asked; `code` is its word for why. */
export class Refused extends Error {
  constructor(frame) {
    super(frame.detail || frame.code);
    this.code = frame.code;
    this.transient = frame.transient ?? false;
  }
}

/** Say something that is not answered; lost if there is no line. */
export function say(frame) {
  if (isOpen()) line.send(JSON.stringify(frame));
}

/** Ask; the answer may come after a reconnect, as every question is asked again then. */
export function ask(frame, { whilePairing = false } = {}) {
  lastNumber += 1;
  const asked = { ...frame, n: lastNumber };
  return new Promise((resolve, reject) => {
    unanswered.set(asked.n, { frame: asked, resolve, reject });
    if (isReady || whilePairing) say(asked);
  });
}

/** The login is done: what was asked meanwhile, or had no answer yet, is asked (again). */
export function lineIsReady() {
  isReady = true;
  failures = 0;
  for (const { frame } of unanswered.values()) say(frame);
}

/** Nobody will answer any more. */
export function giveUpQuestions(reason) {
  for (const { reject } of unanswered.values()) reject(new Error(reason));
  unanswered.clear();
}
