/** One account: pairing, chats and messages, its state and health. */

import { useLocation, useRoute } from "preact-iso";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Account, AccountStatus } from "../api/types";
import { Badge } from "../components/Badge";
import { ErrorNote, Loading } from "../components/Notes";
import { Page } from "../components/Page";
import { phoneOf, showAccount, titleOf } from "../lib/accounts";
import { words } from "../lib/format";
import { useResource } from "../lib/resource";
import { useEvents } from "../state/live";
import { can } from "../state/session";
import { AccountActions } from "./accounts/AccountActions";
import { Chats } from "./account/Chats";
import { Health } from "./account/Health";
import { Paired, Pairing } from "./account/Pairing";
import { Rename } from "./account/Rename";

const SHOWN_PAIRED = 6000; // ms
const LOGGED_IN = new Set<AccountStatus>(["authenticated", "connected"]);

/** True for a moment after an account that offered QR codes has a login, whatever it went through in between. */
function useJustPaired(status: AccountStatus | undefined): boolean {
  const offered = useRef(false);
  const [paired, setPaired] = useState(false);
  useEffect(() => {
    if (status === "qr_scanning") offered.current = true;
    if (status === "disconnected" || status === "needs_pairing") offered.current = false;
    if (!offered.current || status === undefined || !LOGGED_IN.has(status)) return;
    offered.current = false;
    setPaired(true);
  }, [status]);
  useEffect(() => {
    if (!paired) return undefined;
    const timer = window.setTimeout(() => setPaired(false), SHOWN_PAIRED);
    return () => window.clearTimeout(timer);
  }, [paired]);
  return paired;
}

function Tabs({ account, tab }: { account: Account; tab: string }) {
  const base = `/dashboard/accounts/${account.id}`;
  const places = [
    { name: "Chats", tab: "chats" },
    { name: "State and health", tab: "health" },
  ];
  return (
    <nav class="tabs" aria-label="Account">
      {places.map((place) => (
        <a key={place.tab} href={`${base}/${place.tab}`} aria-current={place.tab === tab ? "page" : undefined}>
          {place.name}
        </a>
      ))}
    </nav>
  );
}

function NextStep({ account }: { account: Account }) {
  if (account.status === "needs_pairing" || (account.status === "disconnected" && !account.phone_number)) {
    return <p class="note">This account has no login. Connect it: it offers a QR code then, which a phone scans.</p>;
  }
  if (account.status === "suspended" || account.status === "failed" || account.status === "banned") {
    const why = account.status_detail || words(account.status_reason ?? "");
    return (
      <p class="note bad">
        It is {account.status}: {why}. {account.status !== "banned" && "Connect it again when that is mended."}
      </p>
    );
  }
  return null;
}

function Shown({ account, onChange }: { account: Account; onChange: () => void }) {
  const { params } = useRoute();
  const { route } = useLocation();
  const tab = params["tab"] ?? "chats";
  const chat = params["chat"];
  const paired = useJustPaired(account.status);
  const lead = (
    <>
      <Badge state={account.status} /> {phoneOf(account)} <span class="muted">{account.provider_type}</span>
      {account.is_primary && <span class="muted"> · primary</span>}
    </>
  );
  return (
    <Page
      title={titleOf(account)}
      lead={lead}
      actions={
        can("manage") && (
          <>
            <Rename account={account} onChange={onChange} />
            <AccountActions account={account} onChange={onChange} onDelete={() => route("/dashboard/accounts")} />
          </>
        )
      }
    >
      <NextStep account={account} />
      {account.status === "qr_scanning" && can("manage") && <Pairing account={account} />}
      {paired && <Paired />}
      <Tabs account={account} tab={tab} />
      {tab === "health" ? <Health account={account} /> : <Chats account={account} chat={chat} />}
    </Page>
  );
}

export function AccountPage() {
  const id = Number(useRoute().params["id"]);
  const account = useResource(id, () => showAccount(id));
  useEvents(["account.status"], account.reload, id);
  if (account.data) return <Shown account={account.data} onChange={account.reload} />;
  return (
    <Page title={`Account ${id}`}>
      {account.error ? <ErrorNote text={account.error} onRetry={account.reload} /> : <Loading />}
    </Page>
  );
}
