/** Numbers, times and names as people read them, in the reader's own locale. */

const number = new Intl.NumberFormat();
const rate = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const count = (value: number): string => number.format(value);
export const perSecond = (value: number): string => rate.format(value);
export const dateTimeOf = (at: number): string => dateTime.format(at);
export const timeOf = (at: number): string => time.format(at);
export const dayOf = (at: number): string => day.format(at);

/** "1 restart", "2 restarts". */
export const counted = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** "12.3 ms", or a dash where nothing was measured. */
export const milliseconds = (value: number | null): string => (value === null ? "–" : `${rate.format(value)} ms`);

/** "3 minutes ago". */
export function ago(at: number, now = Date.now()): string {
  const seconds = Math.round((at - now) / 1000);
  const distance = Math.abs(seconds);
  if (distance < 5) return "just now";
  if (distance < MINUTE) return relative.format(seconds, "second");
  if (distance < HOUR) return relative.format(Math.round(seconds / MINUTE), "minute");
  if (distance < DAY) return relative.format(Math.round(seconds / HOUR), "hour");
  return relative.format(Math.round(seconds / DAY), "day");
}

/** "2 d 4 h", "3 min 20 s", "450 ms". */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < MINUTE) return `${rate.format(seconds)} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min ${Math.floor(seconds % MINUTE)} s`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h ${Math.floor((seconds % HOUR) / MINUTE)} min`;
  return `${Math.floor(seconds / DAY)} d ${Math.floor((seconds % DAY) / HOUR)} h`;
}

/** "1.4 MB". */
export function bytes(size: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let value = size;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${rate.format(value)} ${units[unit] ?? "B"}`;
}

/** A WhatsApp id as people write it: `5511999998888@c.us` is +5511999998888. */
export function person(jid: string): string {
  const [user = jid, server] = jid.split("@");
  return server === "c.us" ? `+${user}` : user;
}

/** `qr_scanning` is "qr scanning". */
export const words = (name: string): string => name.replaceAll("_", " ").replaceAll("-", " ");

/** `rate_per_key` is "Rate per key". */
export const labelOf = (name: string): string => words(name).replace(/^./, (first) => first.toUpperCase());
