/** The QR code of an account: it renews itself, and turns green when the phone has scanned it. */

import { useEffect, useState } from "preact/hooks";
import { api, ApiError, fetchBlob, fetchOverview, unwrap, wordsOf } from "../../api/client";
import type { Account } from "../../api/types";
import { Icon } from "../../components/Icon";
import { ErrorNote, Loading } from "../../components/Notes";
import { CopyButton } from "../../components/Secret";
import { useResource } from "../../lib/resource";
import { useEvents } from "../../state/live";
import { PairingCode } from "./PairingCode";

interface Offer {
  code: string;
  expiresAt: number;
  picture: string;
}

/** The code on offer, with its picture; null while there is none yet. */
async function fetchOffer(account: number): Promise<Offer | null> {
  const params = { path: { account_id: account } };
  try {
    const qr = await unwrap(api.GET("/api/accounts/{account_id}/qr", { params }));
    if (typeof qr === "string") return null; // the other formats; JSON is what is answered without asking for one
    const blob = await fetchBlob(`/api/accounts/${account}/qr?format=svg`);
    return { code: qr.code, expiresAt: qr.expires_at, picture: URL.createObjectURL(blob) };
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) return null;
    throw error;
  }
}

function useOffer(account: number, status: string): { offer: Offer | null; error: string; retry: () => void } {
  const [round, setRound] = useState(0);
  const [state, setState] = useState<{ offer: Offer | null; error: string }>({ offer: null, error: "" });
  useEvents(["account.qr"], () => setRound((old) => old + 1), account);
  useEffect(() => {
    let stale = false;
    fetchOffer(account).then(
      (offer) => (stale ? offer && URL.revokeObjectURL(offer.picture) : setState({ offer, error: "" })),
      (error: unknown) => stale || setState({ offer: null, error: wordsOf(error) }),
    );
    return () => {
      stale = true;
    };
  }, [account, round, status]);
  const { offer } = state;
  useEffect(() => {
    if (!offer) return undefined;
    // The next code is told by an event; should that not come, the clock says that this one is over.
    const late = window.setTimeout(() => setRound((old) => old + 1), Math.max(2000, offer.expiresAt - Date.now() + 1000));
    return () => {
      window.clearTimeout(late);
      URL.revokeObjectURL(offer.picture);
    };
  }, [offer]);
  return { ...state, retry: () => setRound((old) => old + 1) };
}

function Instructions({ account, code }: { account: Account; code: string | null }) {
  const overview = useResource("emulator", () => fetchOverview());
  const emulator = overview.data?.emulator_url;
  if (account.provider_type === "emulated") {
    return (
      <>
        <ol>
          <li>
            Open{" "}
            {emulator ? (
              <a href={emulator} target="_blank" rel="noreferrer">
                the emulator’s phones page
              </a>
            ) : (
              "the emulator’s phones page (wasup printed its address when it started)"
            )}
            .
          </li>
          <li>Paste the text of this code there and press “Scan”.</li>
        </ol>
        {code && <CopyButton text={code} label="Copy the code’s text" />}
      </>
    );
  }
  return (
    <ol>
      <li>Open WhatsApp on the phone.</li>
      <li>Go to Settings, then Linked devices, then Link a device.</li>
      <li>Point the phone at this code.</li>
    </ol>
  );
}

export function Paired() {
  return (
    <section class="card pairing paired" aria-label="Pairing" role="status">
      <div class="qr done">
        <Icon name="check" />
      </div>
      <div>
        <h2>Paired</h2>
        <p>The phone has linked this account. Messages flow from now on.</p>
      </div>
    </section>
  );
}

export function Pairing({ account }: { account: Account }) {
  const { offer, error, retry } = useOffer(account.id, account.status);
  return (
    <section class="card pairing" aria-labelledby="pairing-title">
      <div class="qr">
        {offer ? (
          <img src={offer.picture} alt="QR code to link this account" width="264" height="264" />
        ) : (
          <Loading what="Waiting for a QR code" />
        )}
      </div>
      <div>
        <h2 id="pairing-title">Scan to pair</h2>
        <Instructions account={account} code={offer?.code ?? null} />
        <p class="muted">The code renews itself; this page notices when it was scanned.</p>
        <PairingCode account={account} />
        <ErrorNote text={error} onRetry={retry} />
      </div>
    </section>
  );
}
