// Messages as they come: each is told once, in the order of time.

const REMEMBERED = 5000; // messages that are known to have been told
const CLOCKS_DIFFER = 60; // seconds between WhatsApp's clock and ours, at most
const NEWS_FIRST = 2000; // milliseconds after a cut in which WhatsApp hands over what it kept
const HELD_AT_MOST = 30000; // milliseconds that a message waits for the page to come back from a cut
const IN_FLIGHT = 120; // seconds in which a message that the page has may not have been told yet

// What this driver does itself is known to whoever asked for it, and what was told is not told again.
const told = new Set();
let wasOnline = false;
let cutAt = null; // when the page lost its connection
let catchingUp = 0; // how often it has come back just now
let held = null; // messages that wait until it is known what else came meanwhile
const sealed = new Set(); // messages that cannot be decrypted yet

/** Remember a key, or another word, for some time; false if it was known already. */
function remember(word) {
  if (told.has(word)) return false;
  told.add(word);
  if (told.size > REMEMBERED) told.delete(told.values().next().value);
  return true;
}

function tellMessage(model) {
  if (!held) {
    tellNow(model);
    return;
  }
  if (!held.size) setTimeout(release, HELD_AT_MOST);
  held.add(model);
}

/** Tell what was held back, in the order of time. */
function release() {
  const due = [...(held ?? [])].sort(byTime);
  held = catchingUp || cutAt !== null ? new Set() : null;
  for (const model of due) attempt('held', () => tellNow(model));
}

function tellNow(model) {
  if (model.type === 'ciphertext') {
    sealed.add(mark(model.id));
    return;
  }
  const made = anyMessage(model); // before it counts as told
  if (remember(mark(model.id))) tell('message', { message: made });
}

/** A message that was not readable may be now. wa-js tells that of new ones alone. */
function tellUnsealed(model) {
  if (model.type !== 'ciphertext' && sealed.delete(mark(model.id)) && !SILENT.has(model.type)) tellMessage(model);
}

/**
 * After a cut the page loads what came meanwhile, and not all of that as new: whatever is recent is told. In the
 * order of time, as nothing that is older than a stored message is asked for at the next connection.
 */
function catchUp(online) {
  if (!online) {
    if (!wasOnline) return;
    cutAt ??= now();
    held ??= new Set();
    return;
  }
  wasOnline = true;
  if (cutAt === null) return;
  const since = cutAt - CLOCKS_DIFFER;
  cutAt = null;
  catchingUp += 1;
  setTimeout(() => {
    catchingUp -= 1;
    attempt('missed', () => {
      for (const { t, msgs } of WPP.whatsapp.ChatStore.getModelsArray()) {
        if (t >= since) msgs.getModelsArray().filter((model) => model.t >= since).forEach((model) => held.add(model));
      }
    });
    release();
  }, NEWS_FIRST);
}

/**
 * Tell what the page's database has and nobody may have been told yet. A message that was looked up before it
 * arrives may not be new to the page when it does.
 */
function tellFound(models) {
  const since = now() - IN_FLIGHT;
  models.filter((model) => model.t >= since && says(model)).forEach(tellMessage);
}
