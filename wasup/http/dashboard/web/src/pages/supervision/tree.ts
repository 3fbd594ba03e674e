/** The supervision tree as far as it is known here: nodes by path, loaded level by level. */

import type { ActorNode, Happening } from "../../api/types";
import { parentOf, stateAfter } from "../../lib/supervision";

/** A node without those below it: `children` holds their paths, null while they are not loaded. */
export interface Known extends Omit<ActorNode, "children" | "hidden_children"> {
  children: string[] | null;
  childCount: number;
}

export interface Row {
  node: Known;
  level: number;
  open: boolean;
}

export type Tree = ReadonlyMap<string, Known>;

/** How many nodes there are at least, with those that are known of but not loaded. */
export const extentOf = (tree: Tree): number =>
  [...tree.values()].reduce((sum, node) => sum + (node.children === null ? node.childCount : 0), tree.size);

/** The tree with this part of it brought up to date; what is loaded below its lowest level stays. */
export function absorbed(tree: Tree, top: ActorNode): Tree {
  const next = new Map(tree);
  const take = (node: ActorNode): void => {
    const { children = [], hidden_children: hidden = 0, ...rest } = node;
    const before = next.get(node.path)?.children ?? null;
    const known = hidden > 0 ? before : children.map((child) => child.path);
    for (const gone of before ?? []) if (hidden === 0 && !known?.includes(gone)) next.delete(gone);
    next.set(node.path, { ...rest, children: known, childCount: hidden || children.length });
    children.forEach(take);
  };
  take(top);
  return next;
}

/** The tree after supervision events, each of which tells of one node. */
export function patched(tree: Tree, events: readonly Happening[]): Tree {
  const next = new Map(tree);
  for (const event of events) {
    const node = next.get(event.path);
    const state = stateAfter(event);
    if (!node || state === null) continue;
    const restarts = event.kind === "restarted" ? (event.restarts ?? node.restarts) : node.restarts;
    next.set(event.path, { ...node, state, restarts, incarnation: event.incarnation });
  }
  return next;
}

/** Whether a node's name or path contains the text, or its state does. */
const fits = (node: Known, text: string): boolean =>
  node.path.toLowerCase().includes(text) || node.state.toLowerCase().startsWith(text);

/** Paths of the nodes that fit, and of all above them. */
function kept(tree: Tree, text: string): Set<string> {
  const paths = new Set<string>();
  for (const node of tree.values()) {
    if (!fits(node, text)) continue;
    for (let path = node.path; path !== "" && !paths.has(path); path = parentOf(path)) paths.add(path);
  }
  return paths;
}

/**
 * What is shown, from top to bottom: below nodes that are open, or with a text, what fits it and the way there.
 * A workspace's accounts hang directly below the root, whatever their paths say: the lists of children count.
 */
export function rowsOf(tree: Tree, root: string, open: ReadonlySet<string>, text: string): Row[] {
  const wanted = text === "" ? null : kept(tree, text);
  const rows: Row[] = [];
  const walk = (path: string, level: number): void => {
    const node = tree.get(path);
    if (!node || (wanted && !wanted.has(path) && level > 1)) return;
    const shown = node.children !== null && (open.has(path) || wanted !== null);
    rows.push({ node, level, open: shown && node.childCount > 0 });
    if (shown) for (const child of node.children ?? []) walk(child, level + 1);
  };
  walk(root, 1);
  return rows;
}
