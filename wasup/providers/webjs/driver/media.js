// Media cross in chunks of base64, so that no crossing takes long.

const CHUNK = 1 << 20; // bytes of media in one crossing; a multiple of 4 for base64
const GONE = new Set(['ERROR_MISSING', 'ERROR_UNSUPPORTED', 'ERROR_TOO_LARGE']);
const NEVER_THERE = new Set(['msg_not_found', 'message_not_contains_media', 'chat_not_found']);

const blobs = new Map(); // media on its way in or out: handle to Blob, or to parts of one

const mediaCalls = {
  put: async ({ handle, chunk, mime, filename, last }) => {
    const parts = blobs.get(handle) || [];
    parts.push(Uint8Array.from(atob(chunk), (char) => char.charCodeAt(0)));
    blobs.set(handle, last ? new File(parts, filename, { type: mime }) : parts);
  },

  fetch: async ({ handle, key }) => {
    if (!isKey(key)) throw new Refusal('no_media', `${key} names no message`);
    blobs.set(handle, null);
    let blob;
    try {
      blob = await WPP.chat.downloadMedia(key);
    } catch (error) {
      blobs.delete(handle);
      throw whyNoMedia(key, error);
    }
    if (blobs.has(handle)) blobs.set(handle, blob); // else nobody waits for it any more
    return { size: blob.size };
  },

  take: async ({ handle, offset }) => {
    const bytes = new Uint8Array(await blobs.get(handle).slice(offset, offset + CHUNK).arrayBuffer());
    let binary = '';
    for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    return btoa(binary);
  },

  drop: async ({ handle }) => void blobs.delete(handle),
};

const isKey = (given) => {
  try {
    return Boolean(WPP.whatsapp.MsgKey.fromString(given));
  } catch {
    return false;
  }
};

/** Why there is no file: WhatsApp has none (any more), or could not be asked. */
function whyNoMedia(key, error) {
  const model = WPP.whatsapp.MsgStore.get(key);
  const stage = model && model.mediaData && model.mediaData.mediaStage;
  const detail = String((error && error.message) || error);
  if (NEVER_THERE.has(error && error.code) || GONE.has(stage)) return new Refusal('no_media', detail);
  return new Refusal('media_unavailable', detail, true);
}
