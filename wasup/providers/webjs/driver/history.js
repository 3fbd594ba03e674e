// Messages of a chat, far back and without holes, as the page's own database has them.

const AT_ONCE = 100; // messages that are looked up in the first round; twice as many in each that follows
const MOST_AT_ONCE = 2000;
const ANCHORS = 3; // messages that are tried as the place from which to look back
const FAR_BACK = 20000; // messages of one chat that are looked through for history, at most
const BEHIND = 20; // messages before a page of history of which is told, too, what has become of them
const STAY_SEALED = 14 * 86400; // seconds after which a message that could not be decrypted never will be

const historyCalls = {
  /** See `Session.history`. What is silent is left out, and what cannot be decrypted yet makes it not `readable`. */
  history: async ({ chat: id, after, limit, since }) => {
    const where = WPP.whatsapp.ChatStore.get(id);
    if (!where) throw new Refusal('unknown_chat', `there is no chat ${id}`);
    const begin = (models) => {
      if (after) return models.findIndex((model) => model.id.id === after) + 1;
      const place = since ? models.findIndex((model) => model.t >= since) : 0;
      return place < 0 ? models.length : place;
    };
    const isGone = (found) => after && since && !begin(found) && found[0].t < since;
    const models = await lookBack(where, (found) => (after || since) && (begin(found) > BEHIND || isGone(found)));
    const place = begin(models);
    if (after && !place) throw new Refusal('unknown_message', `there is no message ${after} in ${id}`);
    const page = [];
    let end = place;
    for (; end < models.length && page.length < limit; end += 1) if (says(models[end])) page.push(models[end]);
    const more = models.slice(end).some(says);
    if (!more) end = models.length;
    const shut = models.slice(place, end).filter((model) => model.type === 'ciphertext');
    for (const model of shut) sealed.add(mark(model.id));
    const fates = await fatesOf(models.slice(Math.max(0, place - BEHIND), end));
    return {
      messages: page.map(anyMessage),
      changes: [...(after ? besideInTime(models, place - 1) : []), ...fates],
      more,
      readable: !shut.some((model) => now() - model.t < STAY_SEALED),
    };
  },
};

const tooFar = (where) => new Refusal('too_far_back', `more than ${FAR_BACK} messages of ${where.id} to see`);

/** Messages before this one in the same second, as events: which of them was told first nobody knows any more. */
function besideInTime(models, place) {
  const found = models.slice(0, place).filter((model) => model.t === models[place].t && says(model));
  return found.map((model) => ({ kind: 'message', message: anyMessage(model) }));
}

/** Messages on one side of a message, as the page's database has them, oldest first. */
async function beside(where, key, direction, count) {
  const found = await WPP.chat.getMessages(where.id, { id: String(key), count, direction });
  return found.filter((model) => model.t).sort(byTime);
}

/** A message as the page has it, loaded if need be; else its bare key. */
async function byKey(key) {
  try {
    return await WPP.chat.getMessageById(String(key));
  } catch {
    return { id: key };
  }
}

/**
 * Messages of a chat, oldest first and without a hole: all that are newer than one that is loaded, and from there
 * back until there are `enough` of them, or no more.
 */
async function lookBack(where, enough) {
  const found = await backFromLoaded(where, enough);
  tellFound(found);
  return found;
}

async function backFromLoaded(where, enough) {
  const loaded = where.msgs.getModelsArray().filter((model) => model.t).sort(byTime);
  const anchors = loaded.filter((model) => !isUnsent(model)).slice(-ANCHORS);
  if (!anchors.length && where.lastReceivedKey) anchors.push(await byKey(where.lastReceivedKey));
  while (anchors.length) {
    const anchor = anchors.pop();
    const older = await beside(where, anchor.id, 'before', AT_ONCE);
    const newer = await newerThan(where, anchor.id);
    if (!older.length && !newer.length && anchors.length) continue; // one that is not in the database yet
    const stored = new Set([...older, anchor, ...newer].map(nameOf));
    const fresh = loaded.slice(loaded.indexOf(anchor) + 1).filter((model) => !stored.has(nameOf(model)));
    return olderToo(where, older, [...[anchor].filter(({ t }) => t), ...newer, ...fresh].sort(byTime), enough);
  }
  return loaded;
}

/** These messages, and before them as many as it takes. */
async function olderToo(where, older, others, enough) {
  const all = () => [...older, ...others].sort(byTime);
  for (let count = AT_ONCE; older.length && !enough(all()); ) {
    if (older.length > FAR_BACK) throw tooFar(where);
    count = Math.min(count * 2, MOST_AT_ONCE);
    const passed = new Set(older.map(nameOf));
    const found = await beside(where, older[0].id, 'before', count);
    const further = found.filter((model) => !passed.has(nameOf(model)));
    if (!further.length) break;
    older = [...further, ...older];
  }
  return all();
}

async function newerThan(where, key) {
  const newer = new Map();
  for (let last = key; last; ) {
    const found = await beside(where, last, 'after', AT_ONCE);
    const fresh = found.filter((model) => !newer.has(nameOf(model)));
    for (const model of fresh) newer.set(nameOf(model), model);
    if (newer.size > FAR_BACK) throw tooFar(where);
    last = fresh.length ? fresh.at(-1).id : undefined;
  }
  return [...newer.values()];
}
