/** Much at once becomes one: for what follows events, of which there may be hundreds a second. */

import { useCallback, useEffect, useRef } from "preact/hooks";

/** Asks for a call, which comes that many milliseconds later; what is asked for meanwhile is one and the same. */
export function useCalm(milliseconds: number, callback: () => void): () => void {
  const latest = useRef(callback);
  latest.current = callback;
  const timer = useRef(0);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  return useCallback(() => {
    if (timer.current !== 0) return;
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      latest.current();
    }, milliseconds);
  }, [milliseconds]);
}
