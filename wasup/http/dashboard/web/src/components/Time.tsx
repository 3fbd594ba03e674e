/** A moment: how long ago it was, and exactly when on pointing at it. */

import { useState } from "preact/hooks";
import { ago, dateTimeOf } from "../lib/format";
import { useInterval } from "../lib/resource";

export function Ago({ at }: { at: number | null | undefined }) {
  const [, tick] = useState(0);
  useInterval(20, () => tick((old) => old + 1));
  if (at === null || at === undefined) return <span class="muted">never</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={dateTimeOf(at)}>
      {ago(at)}
    </time>
  );
}

export function Moment({ at }: { at: number }) {
  return <time dateTime={new Date(at).toISOString()}>{dateTimeOf(at)}</time>;
}
