// WhatsApp's modules about files: preparing and uploading them, downloading them, and what is kept in memory.

import { sha256Base64, toBase64 } from '../bytes.js';
import { defineModule, defineValue, exportsOf } from '../loader.js';
import { MediaData } from '../mediadata.js';
import { now } from './basics.js';

const KEPT_BYTES = 16 * 2 ** 20;
const MOST_BYTES = { document: 2 ** 31, other: 64 * 2 ** 20 };

class OpaqueDataBase {
  retain() {}

  autorelease() {}

  autoreleaseWhenPromiseCompletes() {}

  throwIfReleased() {}
}
defineValue('WAWebMediaOpaqueDataBase', OpaqueDataBase);

class OpaqueData extends OpaqueDataBase {
  #blob;

  #url;

  constructor(blob) {
    super();
    this.#blob = blob;
  }

  static async createFromData(data, type) {
    return new OpaqueData(data instanceof Blob && (!type || data.type === type) ? data : new Blob([data], { type }));
  }

  url() {
    this.#url ??= URL.createObjectURL(this.#blob);
    return this.#url;
  }

  size() {
    return this.#blob.size;
  }

  type() {
    return this.#blob.type;
  }

  forceToBlob() {
    return this.#blob;
  }

  formData() {
    return this.#blob;
  }

  async validate() {
    return true;
  }
}
defineValue('WAWebMediaOpaqueData', OpaqueData);

// -- what was downloaded lately ------------------------------------------------------------------------------

const kept = new Map();

// The file that came last stays, however big; older ones make room.
function keep(filehash, buffer) {
  kept.delete(filehash);
  kept.set(filehash, buffer);
  let total = [...kept.values()].reduce((sum, one) => sum + one.byteLength, 0);
  for (const [oldest, one] of kept) {
    if (total <= KEPT_BYTES || kept.size === 1) break;
    kept.delete(oldest);
    total -= one.byteLength;
  }
}
defineModule('WAWebLruMediaStore', {
  LruMediaStore: {
    get: async (filehash) => kept.get(filehash) ?? null,
    has: async (filehash) => kept.has(filehash),
    put: async (filehash, buffer) => keep(filehash, buffer),
    del: async (filehash) => kept.delete(filehash),
    clear: async () => kept.clear(),
    count: async () => kept.size,
  },
});

const blobs = new Map();
class InMemoryMediaBlobCacheImpl {
  put(filehash, blob) {
    blobs.set(filehash, blob);
  }

  get(filehash) {
    return blobs.get(filehash);
  }

  has(filehash) {
    return blobs.has(filehash);
  }

  clear() {
    blobs.clear();
  }
}
defineModule('WAWebMediaInMemoryBlobCache', {
  InMemoryMediaBlobCacheImpl, InMemoryMediaBlobCache: new InMemoryMediaBlobCacheImpl(),
});

// -- from the emulator ---------------------------------------------------------------------------------------

class MediaGone extends Error {
  status = 404;
}

async function downloadAndMaybeDecrypt({ directPath }) {
  const response = await fetch(directPath);
  if (response.status === 404) throw new MediaGone('the media is gone');
  if (!response.ok) throw new Error(`media: HTTP ${response.status}`);
  return response.arrayBuffer();
}

async function downloadForMessage(message) {
  const { mediaData } = message;
  mediaData.set({ mediaStage: 'FETCHING' });
  try {
    keep(mediaData.filehash, await downloadAndMaybeDecrypt(message));
    mediaData.set({ mediaStage: 'RESOLVED' });
  } catch (error) {
    mediaData.set({ mediaStage: error instanceof MediaGone ? 'ERROR_MISSING' : 'ERROR_UNKNOWN' });
  }
}
defineModule('WAWebDownloadManager', { downloadManager: { downloadAndMaybeDecrypt }, downloadForMessage });

// -- to the emulator -----------------------------------------------------------------------------------------

async function upload(blob, filename) {
  const query = filename ? `?filename=${encodeURIComponent(filename)}` : '';
  const headers = { 'content-type': blob.type || 'application/octet-stream' };
  const response = await fetch(`/media${query}`, { method: 'POST', body: blob, headers });
  if (!response.ok) throw new Error(`upload: HTTP ${response.status}`);
  return response.json();
}

async function uploadMedia({ mediaObject }) {
  const { ref } = await upload(blobs.get(mediaObject.filehash));
  const directPath = `/media/${ref}`;
  return {
    mediaEntry: {
      mmsUrl: location.origin + directPath, directPath, mediaKey: 'AA==', mediaKeyTimestamp: now(),
      encFilehash: mediaObject.filehash, uploadHash: mediaObject.filehash, handle: ref,
    },
  };
}
defineModule('WAWebMediaMmsV4Upload', { uploadMedia, uploadUnencryptedMedia: uploadMedia });

function kindOf(mime, { asDocument, asSticker, isPtt }) {
  if (asDocument) return 'document';
  if (asSticker) return 'sticker';
  if (isPtt) return 'ptt';
  const [kind] = mime.split('/');
  return ['image', 'video', 'audio'].includes(kind) ? kind : 'document';
}

class MediaPrep {
  #prepared;

  constructor(data, options) {
    this._mediaData = new MediaData({});
    this.#prepared = this.#prepare(data, options);
  }

  async #prepare(data, options) {
    const type = kindOf(data.type(), options);
    this._mediaData.set({
      type, mimetype: data.type(), size: data.size(), filehash: await sha256Base64(data.forceToBlob()), mediaBlob: data,
      mediaStage: 'PREPARED', isGif: Boolean(options.asGif), ...options.precomputedFields,
    });
    return this._mediaData;
  }

  waitForPrep() {
    return this.#prepared;
  }

  async sendToChat({ chat, options }) {
    const data = await this.#prepared;
    const extra = options.productMsgOptions ?? {};
    const { ref } = await upload(data.mediaBlob.forceToBlob(), extra.filename);
    data.set({ mediaStage: 'RESOLVED' });
    const [message, sent] = exportsOf('WAWebSendMsgChatAction').addAndSendMsgToChat(chat, {
      ...extra,
      type: options.type ?? data.type,
      caption: options.caption ?? extra.caption,
      isViewOnce: options.isViewOnce,
      mimetype: data.mimetype,
      size: data.size,
      filehash: data.filehash,
      duration: data.duration,
      mediaData: data,
      directPath: `/media/${ref}`,
    });
    await message;
    return sent;
  }
}
const prepRawMedia = (data, options = {}) => new MediaPrep(data, options);
defineModule('WAWebPrepRawMedia', { prepRawMedia, MediaPrep, uploadProductImage: async () => {} });
defineModule('WAWebProcessRawSticker', { processRawSticker: async (data) => ({ mediaBlob: data }) });
defineModule('WAWebMediaGatingUtils', { getUploadLimit: (type) => MOST_BYTES[type] ?? MOST_BYTES.other });

const objects = new Map();
function getOrCreateMediaObject(filehash) {
  if (!objects.has(filehash)) {
    objects.set(filehash, {
      filehash,
      contentInfo: {},
      consolidate({ type, size, mimetype }) {
        Object.assign(this, { type, size, mimetype });
      },
    });
  }
  return objects.get(filehash);
}
defineModule('WAWebMediaStorage', { getOrCreateMediaObject });
defineModule('WAWebMmsMediaTypes', { msgToMediaType: ({ type }) => type, castToV4: (type) => type });
defineModule('WAWebMediaDataUtils', { shouldUseMediaCache: () => true });
defineModule('WAMediaCalculateFilehash', {
  getRandomFilehash: () => toBase64(crypto.getRandomValues(new Uint8Array(32))),
});
