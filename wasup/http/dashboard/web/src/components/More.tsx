/** The end of a list that has further pages. */

import type { Pages } from "../lib/resource";
import { ErrorNote, Loading } from "./Notes";

export function More<T>({ pages, what }: { pages: Pages<T>; what: string }) {
  return (
    <>
      <ErrorNote text={pages.error} onRetry={pages.reload} />
      {pages.loading && pages.rows.length === 0 && <Loading what={`Loading ${what}`} />}
      {pages.more && (
        <p class="more">
          <button type="button" class="quiet" aria-busy={pages.loading} onClick={pages.loadMore}>
            Show more {what}
          </button>
        </p>
      )}
    </>
  );
}
