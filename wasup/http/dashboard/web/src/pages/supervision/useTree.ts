/** Loads the tree as it is opened, polls it, and lets supervision events change it at once. */

import { useEffect, useRef, useState } from "preact/hooks";
import { api, unwrap, wordsOf } from "../../api/client";
import type { ActorNode, Happening } from "../../api/types";
import { useCalm } from "../../lib/calm";
import { useInterval } from "../../lib/resource";
import { parentOf } from "../../lib/supervision";
import { useEvents } from "../../state/live";
import { absorbed, extentOf, patched, type Tree } from "./tree";

const ROOT = "root";
const SMALL = 200; // a tree of fewer nodes is shown whole, and looked at in one request
const MANY = 600; // a tree of more is polled less often
const WHOLE = 32; // levels
const POLL = 5; // seconds
const SLOW = 6; // polls
const SHOWN = 50; // ms after an event, when it is seen
const SETTLED = 400; // ms after an event, when the node is looked at again
const BURST = 20; // events at once, after which all that is open is looked at instead
const SEEN = 1600; // ms that a crash stays visible, however fast the restart was

export interface TreeState {
  tree: Tree;
  error: string;
  open: ReadonlySet<string>;
  /** Paths that crashed a moment ago. */
  crashed: ReadonlySet<string>;
  toggle: (path: string) => void;
  reload: () => void;
}

interface View {
  /** The whole tree at once, to search in it. */
  whole: boolean;
  unhealthy: boolean;
}

const fetchTree = (query: { below?: string; depth?: number; unhealthy?: boolean }): Promise<ActorNode> =>
  unwrap(api.GET("/api/actors", { params: { query } }));

export function useTree({ whole, unhealthy }: View): TreeState {
  const [tree, setTree] = useState<Tree>(new Map());
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set([ROOT]));
  const [crashed, setCrashed] = useState<ReadonlySet<string>>(new Set());
  const [error, setError] = useState("");
  const due = useRef(new Map<string, number>());
  const news = useRef<Happening[]>([]);
  const offered = useRef(new Set<string>());
  const polls = useRef(0);
  const view = useRef({ whole, unhealthy });
  view.current = { whole, unhealthy };
  const all = whole || unhealthy;

  const look = async (below: string, depth: number): Promise<void> => {
    const asked = view.current;
    const query = asked.unhealthy ? { unhealthy: true } : below === ROOT ? { depth } : { below, depth };
    try {
      const top = await fetchTree(query);
      if (asked.unhealthy !== view.current.unhealthy) return;
      setTree((old) => absorbed(asked.unhealthy ? new Map() : old, top));
      setError("");
    } catch (failed) {
      if (below === ROOT) setError(wordsOf(failed)); // others may have gone meanwhile
    }
  };
  const lookAtAll = (): void => {
    if (all || extentOf(tree) <= SMALL) return void look(ROOT, WHOLE);
    for (const path of open) if (path === ROOT || tree.has(path)) void look(path, 1);
  };

  useEffect(() => {
    setTree(new Map());
    void look(ROOT, all ? WHOLE : 1);
  }, [all, unhealthy]);
  // Branches of a small tree open by themselves, once each.
  useEffect(() => {
    if (all || extentOf(tree) > SMALL) return;
    const fresh = [...tree.values()].filter((node) => node.childCount > 0 && !offered.current.has(node.path));
    if (fresh.length === 0) return;
    for (const node of fresh) offered.current.add(node.path);
    setOpen((old) => new Set([...old, ...fresh.map((node) => node.path)]));
    if (fresh.some((node) => node.children === null)) void look(ROOT, WHOLE);
  }, [tree]);
  useInterval(POLL, () => {
    polls.current += 1;
    if (tree.size < MANY || polls.current % SLOW === 0) lookAtAll();
  });

  const show = useCalm(SHOWN, () => {
    const events = news.current.splice(0);
    setTree((old) => patched(old, events));
    const ended = events.filter(({ kind, exit }) => kind === "ended" && (exit === "crash" || exit === "killed"));
    if (ended.length === 0) return;
    const paths = new Set(ended.map((event) => event.path));
    setCrashed((old) => new Set([...old, ...paths]));
    window.setTimeout(() => setCrashed((old) => new Set([...old].filter((path) => !paths.has(path)))), SEEN);
  });
  const settle = useCalm(SETTLED, () => {
    const paths = [...due.current];
    due.current.clear();
    if (paths.length > BURST || view.current.unhealthy) return lookAtAll();
    for (const [path, depth] of paths) void look(path, depth);
  });
  const note = (event: Happening): void => {
    news.current.push(event);
    show();
    // A child that is not known yet is found by looking at the one above it.
    const known = tree.get(event.path);
    const parent = tree.get(parentOf(event.path));
    if (known) due.current.set(event.path, known.children === null ? 0 : 1);
    else if (parent?.children) due.current.set(parent.path, 1);
    settle();
  };
  useEvents(["supervision"], (frame) => (frame.event === "supervision" ? note(frame.data) : lookAtAll()));

  const toggle = (path: string): void => {
    const next = new Set(open);
    if (!next.delete(path)) {
      next.add(path);
      if (tree.get(path)?.children === null) void look(path, 1);
    }
    setOpen(next);
  };
  return { tree, error, open, crashed, toggle, reload: lookAtAll };
}
