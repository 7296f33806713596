/** The operations of a shard at a given node: at the replica here, or by a call to a peer. */
import { KvError } from "../kv/kv-error.js";
import type { ReadEntry } from "../shard/shard-command.js";
import type {
  CallLimits,
  Freshness,
  ShardHistory,
  ShardPage,
  ShardRange,
  ShardReplica,
} from "../shard/shard-replica.js";
import { MalformedBytes } from "../wire/byte-reader.js";
import type { ClusterView } from "./cluster-view.js";
import {
  decodeHistory,
  decodePage,
  decodeReadEntries,
  encodeChangesCall,
  encodeProposal,
  encodeRead,
  encodeScan,
  type PageSize,
} from "./peer-bodies.js";

export class ShardAccess {
  readonly #view: ClusterView;

  constructor(view: ClusterView) {
    this.#view = view;
  }

  /** @returns the encoded result */
  propose(
    node: number,
    shard: number,
    command: Uint8Array,
    limits: CallLimits,
  ): Promise<Uint8Array> {
    if (node !== this.#view.nodeNumber) {
      return this.#view.peers.call(node, "propose", encodeProposal(shard, command), limits);
    }
    return this.#here(shard).propose(command, limits);
  }

  async read(
    node: number,
    shard: number,
    what: { readonly keyspace: number; readonly keys: readonly Uint8Array[] },
    freshness: Freshness,
    limits: CallLimits,
  ): Promise<readonly ReadEntry[]> {
    const { keyspace, keys } = what;
    if (node === this.#view.nodeNumber) {
      return this.#here(shard).read(keyspace, keys, freshness, limits);
    }
    const entries: ReadEntry[] = [];
    // One answer, unless the values are so large that they come in several.
    while (entries.length < keys.length) {
      const rest = entries.length === 0 ? keys : keys.slice(entries.length);
      const body = encodeRead({ shard, keyspace, keys: rest, freshness });
      const answer = await this.#view.peers.call(node, "read", body, limits);
      const more = decoded(node, () => decodeReadEntries(answer));
      if (more.length === 0 || more.length > rest.length) throw malformed(node);
      entries.push(...more);
    }
    return entries;
  }

  async scan(
    node: number,
    shard: number,
    what: { readonly range: ShardRange; readonly page: PageSize },
    freshness: Freshness,
    limits: CallLimits,
  ): Promise<ShardPage> {
    const { range, page } = what;
    if (node === this.#view.nodeNumber) {
      return this.#here(shard).scan(range, page, freshness, limits);
    }
    const body = encodeScan({ shard, range, page, freshness });
    const answer = await this.#view.peers.call(node, "scan", body, limits);
    return decoded(node, () => decodePage(answer));
  }

  async changes(
    node: number,
    shard: number,
    what: { readonly from: number | "now"; readonly waitMs: number },
    limits: CallLimits,
  ): Promise<ShardHistory> {
    const { from, waitMs } = what;
    if (node === this.#view.nodeNumber) return this.#here(shard).changes(from, waitMs, limits);
    const body = encodeChangesCall({ shard, from, waitMs });
    const answer = await this.#view.peers.call(node, "changes", body, limits);
    return decoded(node, () => decodeHistory(answer));
  }

  #here(shard: number): ShardReplica {
    const replica = this.#view.replica(shard);
    if (replica === undefined) throw noReplica(shard);
    return replica;
  }
}

/** The refusal of a node that was asked about a shard that it does not keep. */
export function noReplica(shard: number): KvError {
  return new KvError({
    code: "NOT_LEADER",
    message: `this node keeps no replica of shard ${shard}`,
    metadata: { leader: "" },
  });
}

function decoded<Answer>(node: number, decode: () => Answer): Answer {
  try {
    return decode();
  } catch (error) {
    if (error instanceof MalformedBytes) throw malformed(node, error);
    throw error;
  }
}

/** Answers to reads only: nothing was changed. */
function malformed(node: number, cause?: Error): KvError {
  const message = `node ${node} gave an answer that is none`;
  return new KvError({ code: "INTERNAL", message }, { cause });
}
