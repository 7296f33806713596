/** Watches as frames of the contract. */
import {
  ChangeKind,
  type ShardRevision,
  type WatchRequest,
  type WatchResponse,
} from "@titan/proto";
import { invalidField } from "../kv/kv-error.js";
import type { Router } from "../routing/router.js";
import type { ShardChange } from "../shard/shard-replica.js";
import { fromEntry, toBounds } from "./kv-codec.js";
import { toPositions } from "./request-checks.js";

const KINDS: Readonly<Record<ShardChange["kind"], ChangeKind>> = {
  put: ChangeKind.PUT,
  delete: ChangeKind.DELETE,
  expire: ChangeKind.EXPIRE,
};
const LONGEST_PROGRESS_MS = 3_600_000;
const NOTHING = new Uint8Array(0);

export interface WatchOptions {
  readonly signal: AbortSignal;
  /** Keys and values of one frame, about. */
  readonly watchFrameBytes: number;
  /** See `KvServiceOptions`. */
  readonly clusterNowMs: () => number;
}

/** @throws KvError `FIELD_INVALID`, `KEYSPACE_UNKNOWN` with the first frame */
export async function* watchResponses(
  router: Router,
  request: WatchRequest,
  options: WatchOptions,
): AsyncGenerator<WatchResponse, void, undefined> {
  const { progressIntervalMs } = request;
  if (progressIntervalMs > LONGEST_PROGRESS_MS) {
    throw invalidField("progress_interval_ms", `is more than ${LONGEST_PROGRESS_MS}`);
  }
  const keyspace = router.keyspace(request.keyspace);
  const watch = router.watch(
    {
      keyspace: keyspace.number,
      ...toBounds(request.range),
      from: toPositions("from", request.from, router),
      progressIntervalMs,
    },
    options.signal,
  );
  for await (const event of watch) {
    switch (event.type) {
      case "progress":
        yield { changes: [], progress: toRevisions(event.progress), compacted: undefined };
        break;
      case "compacted":
        yield {
          ...{ changes: [], progress: [] },
          compacted: { oldest: toRevisions(event.oldest) },
        };
        break;
      case "changes":
        yield* framesOf(event, { ...options, keysOnly: request.keysOnly });
    }
  }
}

/** Only the last frame says how far it goes: before that, not all of it has been sent. */
function* framesOf(
  event: {
    readonly shard: number;
    readonly changes: readonly ShardChange[];
    readonly progress: number;
  },
  options: WatchOptions & { readonly keysOnly: boolean },
): Generator<WatchResponse, void, undefined> {
  const { shard } = event;
  const { keysOnly, watchFrameBytes, clusterNowMs } = options;
  const nowMs = clusterNowMs();
  let changes: WatchResponse["changes"] = [];
  let bytes = 0;
  for (const { kind, key, value, revision, expiresAtMs } of event.changes) {
    if (bytes >= watchFrameBytes) {
      yield { changes, progress: [], compacted: undefined };
      changes = [];
      bytes = 0;
    }
    const shown = keysOnly ? NOTHING : value;
    const entry = fromEntry(key, { value: shown, revision, expiresAtMs }, nowMs);
    changes.push({ kind: KINDS[kind], entry, shard });
    bytes += key.length + shown.length;
  }
  yield { changes, progress: [{ shard, revision: event.progress }], compacted: undefined };
}

function toRevisions(positions: ReadonlyMap<number, number>): ShardRevision[] {
  return [...positions].map(([shard, revision]) => ({ shard, revision }));
}
