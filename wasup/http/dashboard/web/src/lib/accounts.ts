/** What can be done with an account, and what it is called. */

import { api, unwrap } from "../api/client";
import type { Account, AccountStatus } from "../api/types";
import { confirmed } from "../components/Confirm";
import { attempt } from "../state/toasts";
import { person } from "./format";

export const STATUSES: readonly AccountStatus[] = [
  "connected", "authenticated", "qr_scanning", "starting", "reconnecting", "needs_pairing",
  "disconnecting", "disconnected", "suspended", "banned", "failed",
];

/** Statuses in which a session runs or is on its way. */
const UP = new Set<AccountStatus>(["starting", "qr_scanning", "authenticated", "connected", "reconnecting"]);

export const isUp = (account: Account): boolean => UP.has(account.status);

export const titleOf = (account: Account): string =>
  account.name ?? account.push_name ?? (account.phone_number ? phoneOf(account) : `Account ${account.id}`);

export function phoneOf(account: Account): string {
  const phone = account.phone_number ?? "";
  return phone === "" || phone.startsWith("+") ? phone : person(`${phone}@c.us`);
}

export const showAccount = (id: number): Promise<Account> =>
  unwrap(api.GET("/api/accounts/{account_id}", { params: { path: { account_id: id } } }));

type Command = "connect" | "disconnect" | "reconnect" | "logout" | "primary";

const DONE: Record<Command, string> = {
  connect: "Connecting.",
  disconnect: "Disconnected. Its login is kept.",
  reconnect: "Reconnecting.",
  logout: "Logged out: the phone no longer lists this device.",
  primary: "It is the primary account now.",
};

export const command = (account: Account, name: Command): Promise<boolean> =>
  attempt(
    () => unwrap(api.POST(`/api/accounts/{account_id}/${name}`, { params: { path: { account_id: account.id } } })),
    DONE[name],
  );

export async function logOut(account: Account): Promise<boolean> {
  const text = "It is unlinked from the phone, and its QR code must be scanned again. Chats and messages stay.";
  return (await confirmed(`Log out ${titleOf(account)}?`, text, "Log out")) && command(account, "logout");
}

/** True once it is gone. */
export async function remove(account: Account): Promise<boolean> {
  const text = "Its session ends and its login is forgotten. Chats and messages stay in the database.";
  if (!(await confirmed(`Delete ${titleOf(account)}?`, text, "Delete"))) return false;
  const params = { path: { account_id: account.id } };
  return attempt(() => unwrap(api.DELETE("/api/accounts/{account_id}", { params })), "Deleted.");
}
