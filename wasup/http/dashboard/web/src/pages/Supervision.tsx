/** The live tree: supervisors and actors, their states, mailboxes and restarts; crashes are seen as they happen. */

import { useLocation } from "preact-iso";
import { useMemo, useState } from "preact/hooks";
import { Empty, ErrorNote, Loading } from "../components/Notes";
import { Page } from "../components/Page";
import { counted } from "../lib/format";
import { can } from "../state/session";
import { Happenings } from "./supervision/Happenings";
import { NodePanel } from "./supervision/NodePanel";
import { rowsOf } from "./supervision/tree";
import { TreeView } from "./supervision/TreeView";
import { useTree } from "./supervision/useTree";

function LiveTree() {
  const { query, route } = useLocation();
  const selected = query["path"] ?? null;
  const [text, setText] = useState("");
  const [unhealthy, setUnhealthy] = useState(false);
  const search = text.trim().toLowerCase();
  const { tree, error, open, crashed, toggle, reload } = useTree({ whole: search !== "", unhealthy });
  const shown = useMemo(() => (unhealthy ? new Set(tree.keys()) : open), [tree, open, unhealthy]);
  const rows = useMemo(() => rowsOf(tree, "root", shown, search), [tree, shown, search]);
  const select = (path: string | null): void =>
    route(`/dashboard/supervision${path ? `?path=${encodeURIComponent(path)}` : ""}`, true);
  const calm = unhealthy && rows.length <= 1;
  return (
    <>
      <search class="filters">
        <input
          type="search"
          placeholder="Account, actor or state"
          aria-label="Search actors"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <label class="check">
          <input type="checkbox" checked={unhealthy} onChange={(event) => setUnhealthy(event.currentTarget.checked)} />
          Only unhealthy
        </label>
        <small class="muted" role="status">
          {!calm && counted(rows.length, "row")}
        </small>
      </search>
      <ErrorNote text={error} onRetry={reload} />
      <div class={`supervision ${selected ? "has-panel" : ""}`}>
        {tree.size === 0 && !error && <Loading what="Looking at the tree" />}
        {calm && (
          <Empty title="All is well">
            <p>Every supervisor and actor is running.</p>
          </Empty>
        )}
        {rows.length > 0 && !calm && (
          <TreeView rows={rows} crashed={crashed} selected={selected} onSelect={select} onToggle={toggle} />
        )}
        {selected ? (
          <NodePanel key={selected} path={selected} onClose={() => select(null)} />
        ) : (
          <section class="card panel" aria-labelledby="happenings">
            <h2 id="happenings">What supervision did lately</h2>
            <Happenings />
          </section>
        )}
      </div>
    </>
  );
}

export function SupervisionPage() {
  return (
    <Page title="Supervision" lead="Whatever ends here by mistake is started again by the one above it.">
      {can("manage") ? <LiveTree /> : <ErrorNote text="This page needs a key with the scope “manage”." />}
    </Page>
  );
}
