/**
 * Gathers the linearizable gets of a turn into one read per shard, so that they share one question to the group,
 * one call to a peer, and one look at the store.
 */
import type { ReadEntry } from "../shard/shard-command.js";
import type { CallLimits } from "../shard/shard-replica.js";

/** Reads keys of one keyspace of one shard. */
export type ReadKeys = (
  shard: number,
  keyspace: number,
  keys: readonly Uint8Array[],
  limits: CallLimits,
) => Promise<readonly ReadEntry[]>;

interface Waiting {
  readonly resolve: (entry: ReadEntry) => void;
  readonly reject: (error: unknown) => void;
}

interface Group {
  readonly shard: number;
  readonly keyspace: number;
  readonly keys: Uint8Array[];
  readonly waiting: Waiting[];
  timeoutMs: number;
}

/** Keys of one read: their values are in memory together. */
const MAX_KEYS = 128;
const MAX_KEYSPACES = 65_536;
/** Gets whose times differ by more than twice do not share a read, which has the shortest time of all. */
const MAX_TIME_CLASSES = 64;

export class GetBatcher {
  readonly #read: ReadKeys;
  #groups = new Map<number, Group>();
  #full: Group[] = [];
  #isDue = false;

  constructor(read: ReadKeys) {
    this.#read = read;
  }

  get(shard: number, keyspace: number, key: Uint8Array, timeoutMs: number): Promise<ReadEntry> {
    return new Promise((resolve, reject) => {
      const group = this.#group(shard, keyspace, timeoutMs);
      group.keys.push(key);
      group.waiting.push({ resolve, reject });
    });
  }

  #group(shard: number, keyspace: number, timeoutMs: number): Group {
    const timeClass = Math.min(MAX_TIME_CLASSES - 1, 32 - Math.clz32(Math.max(0, timeoutMs)));
    const name = (shard * MAX_KEYSPACES + keyspace) * MAX_TIME_CLASSES + timeClass;
    const open = this.#groups.get(name);
    if (open !== undefined && open.keys.length < MAX_KEYS) {
      if (timeoutMs < open.timeoutMs) open.timeoutMs = timeoutMs;
      return open;
    }
    if (open !== undefined) this.#full.push(open);
    const group = { shard, keyspace, keys: [], waiting: [], timeoutMs };
    this.#groups.set(name, group);
    if (!this.#isDue) {
      this.#isDue = true;
      process.nextTick(() => this.#flush());
    }
    return group;
  }

  #flush(): void {
    this.#isDue = false;
    const groups = [...this.#full, ...this.#groups.values()];
    this.#groups = new Map();
    this.#full = [];
    for (const group of groups) void this.#run(group);
  }

  async #run({ shard, keyspace, keys, waiting, timeoutMs }: Group): Promise<void> {
    try {
      const entries = await this.#read(shard, keyspace, keys, { timeoutMs });
      for (const [at, { resolve, reject }] of waiting.entries()) {
        const entry = entries[at];
        if (entry === undefined) reject(new Error("assertion: an entry for each key"));
        else resolve(entry);
      }
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }
}
