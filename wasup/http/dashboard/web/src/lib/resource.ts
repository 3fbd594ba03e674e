/** Hooks for what is fetched: one thing, or the pages of a list. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { wordsOf } from "../api/client";
import type { Page } from "../api/types";

export interface Resource<T> {
  data: T | undefined;
  error: string;
  loading: boolean;
  reload: () => void;
  set: (change: (data: T) => T) => void;
}

/** Fetches when `key` changes; what is there stays visible while it is fetched again. */
export function useResource<T>(key: unknown, fetcher: () => Promise<T>): Resource<T> {
  const [state, setState] = useState<{ data?: T; error: string; loading: boolean }>({ error: "", loading: true });
  const [round, setRound] = useState(0);
  const latest = useRef(fetcher);
  latest.current = fetcher;
  const shownKey = useRef(key);
  useEffect(() => {
    let stale = false;
    if (shownKey.current !== key) {
      shownKey.current = key;
      setState({ error: "", loading: true });
    } else {
      setState((old) => ({ ...old, loading: true }));
    }
    latest.current().then(
      (data) => stale || setState({ data, error: "", loading: false }),
      (error: unknown) => stale || setState((old) => ({ ...old, error: wordsOf(error), loading: false })),
    );
    return () => {
      stale = true;
    };
  }, [key, round]);
  const reload = useCallback(() => setRound((old) => old + 1), []);
  const set = useCallback((change: (data: T) => T) => {
    setState((old) => (old.data === undefined ? old : { ...old, data: change(old.data) }));
  }, []);
  return { data: state.data, error: state.error, loading: state.loading, reload, set };
}

export interface Pages<T> {
  rows: T[];
  more: boolean;
  error: string;
  loading: boolean;
  loadMore: () => void;
  reload: () => void;
  set: (change: (rows: T[]) => T[]) => void;
}

/** The pages of a list so far; `loadMore` adds the next one, `reload` begins again with the first. */
export function usePages<T>(key: unknown, fetcher: (cursor: string | undefined) => Promise<Page<T>>): Pages<T> {
  const first = useResource(key, () => fetcher(undefined));
  const [rest, setRest] = useState<{ error: string; loading: boolean }>({ error: "", loading: false });
  const next = first.data?.next_cursor ?? undefined;
  const loadMore = (): void => {
    if (next === undefined || rest.loading) return;
    setRest({ error: "", loading: true });
    fetcher(next).then(
      (page) => {
        // Another list may have been asked for meanwhile; only the one that offered this cursor goes on with it.
        first.set((old) => (old.next_cursor === next ? { ...page, data: [...old.data, ...page.data] } : old));
        setRest({ error: "", loading: false });
      },
      (error: unknown) => setRest({ error: wordsOf(error), loading: false }),
    );
  };
  return {
    rows: first.data?.data ?? [],
    more: next !== undefined,
    error: first.error || rest.error,
    loading: first.loading || rest.loading,
    loadMore,
    reload: first.reload,
    set: (change) => first.set((old) => ({ ...old, data: change(old.data) })),
  };
}

/** Calls it every so often while the page is visible. */
export function useInterval(seconds: number, callback: () => void): void {
  const latest = useRef(callback);
  latest.current = callback;
  useEffect(() => {
    const timer = window.setInterval(() => {
      if (!document.hidden) latest.current();
    }, seconds * 1000);
    return () => window.clearInterval(timer);
  }, [seconds]);
}
