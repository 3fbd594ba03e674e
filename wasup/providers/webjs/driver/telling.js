// The way out: what is told goes to us in batches, until it has arrived.

const BATCH = 250; // events in one crossing at most
const GATHER = 100; // milliseconds between two tellings; 50 messages a second cost half, and a lone one never waits
const AGAIN = 1000; // milliseconds after which a telling that failed is repeated

/** JSON that every reader takes: half an emoji, as a cut name may end in, would be an error. */
const json = (value) => JSON.stringify(value, (_, one) => (typeof one === 'string' ? one.toWellFormed() : one));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const waiting = []; // events as JSON: one that cannot be written down holds up nobody
let telling = false;

function tell(kind, fields) {
  waiting.push(json({ kind, ...fields }));
  if (!telling) {
    telling = true;
    queueMicrotask(drain);
  }
}

/** What is told stays here until it has arrived: a telling that fails is repeated, whatever it failed of. */
async function drain() {
  try {
    while (typeof window.__wasup_tell !== 'function') await pause(10); // scripts may run before the binding is there
    while (waiting.length) {
      const batch = waiting.slice(0, BATCH);
      if (!(await hasArrived(batch))) {
        await pause(AGAIN);
        continue;
      }
      waiting.splice(0, batch.length);
      if (waiting.length < BATCH) await pause(GATHER);
    }
  } finally {
    telling = false;
  }
}

async function hasArrived(batch) {
  try {
    await window.__wasup_tell(`[${batch.join(',')}]`);
    return true;
  } catch {
    return false;
  }
}

/** Turn what goes wrong in here into an event instead of an error that nobody sees. */
function attempt(where, act) {
  try {
    act();
  } catch (error) {
    tell('trouble', { where, detail: String(error && error.message) });
  }
}

function on(source, names, listener) {
  source.on(names, (...args) => attempt(names, () => listener(...args)));
}
