// Bytes and text.

const CHUNK = 0x8000; // values that a function call takes at once

export function toBase64(bytes) {
  const all = new Uint8Array(bytes);
  let text = '';
  for (let start = 0; start < all.length; start += CHUNK) {
    text += String.fromCharCode(...all.subarray(start, start + CHUNK));
  }
  return btoa(text);
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
}

export function hexToBase64(hex) {
  return toBase64(Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)));
}

export function base64ToHex(text) {
  return [...new Uint8Array(fromBase64(text))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export async function sha256Base64(blob) {
  return toBase64(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()));
}
