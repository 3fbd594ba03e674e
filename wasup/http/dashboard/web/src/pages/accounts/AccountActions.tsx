/** What can be done with an account where it is listed and on its own page. */

import type { Account } from "../../api/types";
import { Menu, type Action } from "../../components/Menu";
import { command, isUp, logOut, remove, titleOf } from "../../lib/accounts";

interface AccountActionsProps {
  account: Account;
  /** After anything but a deletion. */
  onChange: () => void;
  onDelete: () => void;
}

export function AccountActions({ account, onChange, onDelete }: AccountActionsProps) {
  const title = titleOf(account);
  const up = isUp(account);
  const then = (doing: Promise<boolean>, next: () => void): Promise<void> => doing.then((done) => done && next()).then();
  const more: Action[] = [
    { name: "Reconnect", run: () => then(command(account, "reconnect"), onChange) },
    ...(account.is_primary ? [] : [{ name: "Make primary", run: () => then(command(account, "primary"), onChange) }]),
    { name: "Log out", run: () => then(logOut(account), onChange) },
    { name: "Delete", run: () => then(remove(account), onDelete), danger: true },
  ];
  const main = up ? "disconnect" : "connect";
  return (
    <div class="actions end">
      <button
        type="button"
        class={up ? "quiet small" : "small"}
        aria-label={`${up ? "Disconnect" : "Connect"} ${title}`}
        onClick={() => void then(command(account, main), onChange)}
      >
        {up ? "Disconnect" : "Connect"}
      </button>
      <Menu label={`More for ${title}`} actions={more} />
    </div>
  );
}
