/** Keys, limits and the log of changes: what the key allows of them. */

import { ErrorNote } from "../components/Notes";
import { Page } from "../components/Page";
import { can, isAdmin } from "../state/session";
import { Audit } from "./settings/Audit";
import { Keys } from "./settings/Keys";
import { Limits } from "./settings/Limits";

export function SettingsPage() {
  return (
    <Page title="Settings" lead="Who may come in, how much they may do, and who changed what.">
      {can("manage") ? (
        <>
          <Keys />
          {isAdmin.value && <Limits />}
          <Audit />
        </>
      ) : (
        <ErrorNote text="This page needs a key with the scope “manage”." />
      )}
    </Page>
  );
}
