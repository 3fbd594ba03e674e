/** Having events delivered again. */

import { api, unwrap } from "../../api/client";
import type { Replay } from "../../api/types";
import { count } from "../../lib/format";
import { attempt, notify } from "../../state/toasts";

/** All that the body names, in as many calls as it takes; says what came of it. */
export function replay(endpoint: number, body: Replay): Promise<boolean> {
  return attempt(async () => {
    let queued = 0;
    let waiting = 0;
    let cursor: string | null | undefined = null;
    do {
      const params = { path: { endpoint_id: endpoint } };
      const next: Replay = cursor === null ? body : { ...body, cursor };
      const answer = await unwrap(api.POST("/api/webhook-endpoints/{endpoint_id}/replay", { params, body: next }));
      queued += answer.queued;
      waiting += answer.waiting;
      cursor = answer.next_cursor ?? null;
    } while (cursor !== null);
    if (queued === 0 && waiting === 0) throw new Error("No event fits: nothing is delivered again.");
    const also = waiting > 0 ? `; ${count(waiting)} wait for their delivery anyway` : "";
    notify(`${count(queued)} ${queued === 1 ? "event is" : "events are"} delivered again${also}.`);
  });
}
