/** The tree's rows; only those in sight are there, so that 12,000 actors are no more work than 30. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ActorBadge } from "../../components/Badge";
import { Icon } from "../../components/Icon";
import { count, counted, duration } from "../../lib/format";
import type { Row } from "./tree";

const HEIGHT = 40; // px of a row, as in the style sheet
const SPARE = 8; // rows above and below what is in sight

interface TreeViewProps {
  rows: readonly Row[];
  crashed: ReadonlySet<string>;
  selected: string | null;
  onSelect: (path: string) => void;
  onToggle: (path: string) => void;
}

const rowId = (path: string): string => `row-${path.replaceAll("/", "-")}`;

interface TreeRowProps {
  row: Row;
  index: number;
  crashed: boolean;
  selected: boolean;
}

function TreeRow({ row, index, crashed, selected }: TreeRowProps) {
  const { node, level, open } = row;
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!place.current) return;
    place.current.style.top = `${index * HEIGHT}px`;
    place.current.style.setProperty("--level", String(level - 1));
  }, [index, level]);
  const branch = node.childCount > 0;
  const waiting = node.mailbox?.depth ?? 0;
  return (
    <div
      ref={place}
      id={rowId(node.path)}
      data-path={node.path}
      class={`tree-row ${crashed ? "crash" : ""}`}
      role="treeitem"
      aria-level={level}
      aria-expanded={branch ? open : undefined}
      aria-selected={selected}
    >
      <span class="twist" data-toggle={branch ? node.path : undefined}>
        {branch && <Icon name={open ? "down" : "next"} />}
      </span>
      <span class={`name ${node.type}`}>
        <span class="path">{node.path.slice(0, -node.id.length)}</span>
        {node.id}
        {branch && <small class="muted"> {count(node.childCount)}</small>}
      </span>
      <ActorBadge node={node} crashed={crashed} />
      <span class={`figure mailbox ${waiting > 0 ? "some" : ""}`}>{node.mailbox && `${count(waiting)} in mailbox`}</span>
      <span class={`figure ${node.restarts > 0 ? "some" : ""}`}>{counted(node.restarts, "restart")}</span>
      <span class="figure uptime">{node.up_seconds !== null && `up ${duration(node.up_seconds)}`}</span>
    </div>
  );
}

export function TreeView({ rows, crashed, selected, onSelect, onToggle }: TreeViewProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const space = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const measure = (): void => {
    if (scroller.current) setView({ top: scroller.current.scrollTop, height: scroller.current.clientHeight });
  };
  useEffect(measure, []);
  useEffect(() => {
    if (space.current) space.current.style.height = `${rows.length * HEIGHT}px`;
  }, [rows.length]);

  const active = rows.findIndex((row) => row.node.path === selected);
  // Once, when it is selected or appears: somebody who scrolls away from it is left in peace.
  useEffect(() => {
    const element = scroller.current;
    if (!element || active < 0) return;
    const top = active * HEIGHT;
    if (top < element.scrollTop) element.scrollTop = top;
    if (top + HEIGHT > element.scrollTop + element.clientHeight) element.scrollTop = top + HEIGHT - element.clientHeight;
  }, [selected, active >= 0]);
  const go = (index: number): void => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
    if (row) onSelect(row.node.path);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const row = rows[active];
    const page = Math.floor(view.height / HEIGHT);
    const level = row?.level ?? 1;
    const moves: Record<string, () => void> = {
      ArrowDown: () => go(active + 1),
      ArrowUp: () => go(active - 1),
      PageDown: () => go(active + page),
      PageUp: () => go(active - page),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      ArrowRight: () => (row && !row.open && row.node.childCount > 0 ? onToggle(row.node.path) : go(active + 1)),
      ArrowLeft: () =>
        row?.open ? onToggle(row.node.path) : go(rows.slice(0, active).findLastIndex((above) => above.level < level)),
      Enter: () => row && row.node.childCount > 0 && onToggle(row.node.path),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  };
  const onClick = (event: MouseEvent): void => {
    if (!(event.target instanceof Element)) return;
    const twist = event.target.closest<HTMLElement>("[data-toggle]")?.dataset["toggle"];
    const path = event.target.closest<HTMLElement>("[data-path]")?.dataset["path"];
    if (twist) onToggle(twist);
    else if (path) onSelect(path);
  };

  const first = Math.max(0, Math.floor(view.top / HEIGHT) - SPARE);
  const last = Math.ceil((view.top + view.height) / HEIGHT) + SPARE;
  const shown = rows.slice(first, last);
  const inSight = active >= first && active < last && selected !== null;
  return (
    <div
      ref={scroller}
      class="tree card"
      role="tree"
      tabIndex={0}
      aria-label="Supervision tree"
      aria-activedescendant={inSight ? rowId(selected) : undefined}
      onScroll={measure}
      onKeyDown={onKeyDown}
      onClick={onClick}
    >
      <div ref={space} class="tree-space" role="none">
        {shown.map((row, offset) => (
          <TreeRow
            key={row.node.path}
            row={row}
            index={first + offset}
            crashed={crashed.has(row.node.path)}
            selected={row.node.path === selected}
          />
        ))}
      </div>
    </div>
  );
}
