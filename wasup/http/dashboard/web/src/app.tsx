/** Which page is shown, and to whom. */

import { ErrorBoundary, LocationProvider, Route, Router } from "preact-iso";
import { useEffect, useState } from "preact/hooks";
import { Shell } from "./components/Shell";
import { ErrorNote, Loading } from "./components/Notes";
import { Page } from "./components/Page";
import { AccountPage } from "./pages/Account";
import { AccountsPage } from "./pages/Accounts";
import { Login } from "./pages/Login";
import { OverviewPage } from "./pages/Overview";
import { SettingsPage } from "./pages/Settings";
import { SupervisionPage } from "./pages/Supervision";
import { EndpointPage } from "./pages/WebhookEndpoint";
import { WebhooksPage } from "./pages/Webhooks";
import { restoreError, restoreSession, session } from "./state/session";

function NotFound() {
  return (
    <Page title="There is no such page">
      <a href="/dashboard/">Go to the overview</a>
    </Page>
  );
}

function Pages() {
  const [broken, setBroken] = useState("");
  if (broken) {
    return <ErrorNote text={`This page broke: ${broken}`} onRetry={() => window.location.reload()} />;
  }
  return (
    <ErrorBoundary onError={(error) => setBroken(String(error))}>
      <Router>
        <Route path="/dashboard" component={OverviewPage} />
        <Route path="/dashboard/accounts" component={AccountsPage} />
        <Route path="/dashboard/accounts/:id/:tab?/:chat?" component={AccountPage} />
        <Route path="/dashboard/supervision" component={SupervisionPage} />
        <Route path="/dashboard/webhooks" component={WebhooksPage} />
        <Route path="/dashboard/webhooks/:id" component={EndpointPage} />
        <Route path="/dashboard/settings" component={SettingsPage} />
        <Route default component={NotFound} />
      </Router>
    </ErrorBoundary>
  );
}

export function App() {
  useEffect(() => void restoreSession(), []);
  if (session.value === undefined) {
    return (
      <main class="alone">
        {restoreError.value ? (
          <ErrorNote text={restoreError.value} onRetry={() => void restoreSession()} />
        ) : (
          <Loading what="Opening wasup" />
        )}
      </main>
    );
  }
  if (session.value === null) return <Login />;
  return (
    <LocationProvider scope="/dashboard">
      <Shell>
        <Pages />
      </Shell>
    </LocationProvider>
  );
}
