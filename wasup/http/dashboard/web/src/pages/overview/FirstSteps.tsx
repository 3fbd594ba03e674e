/** What somebody sees who has no account yet. */

import { can } from "../../state/session";

export function FirstSteps({ emulator }: { emulator: string | null }) {
  return (
    <section class="card first-steps" aria-labelledby="first-steps">
      <h2 id="first-steps">Welcome. Three steps to your first message</h2>
      <ol>
        <li>
          <strong>Add an account.</strong> It stands for one WhatsApp number.
        </li>
        <li>
          <strong>Scan its QR code.</strong>{" "}
          {emulator ? (
            <>
              WhatsApp is played by the emulator here: its{" "}
              <a href={emulator} target="_blank" rel="noreferrer">
                phones page
              </a>{" "}
              scans the code.
            </>
          ) : (
            "On your phone: WhatsApp, Settings, Linked devices, Link a device."
          )}
        </li>
        <li>
          <strong>Write.</strong> Messages appear as they arrive, and are answered from here or through the API.
        </li>
      </ol>
      {can("manage") ? (
        <a role="button" href="/dashboard/accounts?add=1">
          Add the first account
        </a>
      ) : (
        <p class="muted">This key may not add accounts: sign in with one that has the scope “manage”.</p>
      )}
    </section>
  );
}
