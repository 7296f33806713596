/**
 * A storage adapter for Keyv: the contract of Keyv 5, which Keyv 6 takes through its own bridge. The
 * class is typed by shape and imports nothing of Keyv's, so it fits whichever of the two is there.
 */
import { EventEmitter } from "node:events";
import type { TitanClient as Api } from "../api.js";
import { deleteEach, keysOf } from "../many.js";
import type { ClientOptions } from "../options.js";
import type { PutEntry } from "../requests.js";
import { TitanClient } from "../titan-client.js";

/** One entry of {@link KeyvTitan.setMany}. */
export interface KeyvTitanEntry {
  readonly key: string;
  readonly value: unknown;
  /** As in {@link KeyvTitan.set}. */
  readonly ttl?: number | undefined;
}

/** What Keyv reads from an adapter's `opts`. */
export interface KeyvTitanOpts {
  /** The endpoints, with commas between; "" for a client that was given. */
  url: string;
  dialect: string;
  [name: string]: unknown;
}

/** Options of a client of the adapter's own. */
export type KeyvTitanOptions = Omit<ClientOptions, "keys" | "values">;

/**
 * Keeps Keyv's entries in a Titan node or cluster: durable, replicated, with expiry by the cluster's clock.
 *
 * Keys are stored as Keyv gives them, its namespace prefix included; values are strings, which is what Keyv's
 * serializers make. Use one adapter per Keyv instance, since Keyv writes its namespace into the adapter; several adapters may
 * share a client. What Keyv has no words for, compare-and-set and counters, {@link KeyvTitan.client} does.
 */
export class KeyvTitan extends EventEmitter {
  /** The client, for values that are text. */
  readonly client: Api;
  /** Keyv 5 offers `iterator()` only for dialects of a fixed list. This one is the nearest. */
  readonly opts: KeyvTitanOpts;
  /** Set by Keyv 5. Bounds {@link KeyvTitan.clear} and {@link KeyvTitan.iterator}. */
  declare namespace?: string | undefined;
  private readonly ownsClient: boolean;

  /**
   * @param client a client, which stays the caller's to close, or one's options: {@link KeyvTitan.disconnect} closes that.
   *   @default the default endpoint
   * @throws TypeError, RangeError for a wrong option
   */
  constructor(client: Pick<Api<never>, "withValues"> | KeyvTitanOptions = {}) {
    super();
    this.ownsClient = !isClient(client);
    this.client = isClient(client)
      ? client.withValues("string")
      : new TitanClient({ ...client, keys: "string", values: "string" });
    const endpoints = isClient(client) ? [] : (client.endpoints ?? []);
    this.opts = { url: endpoints.join(","), dialect: "etcd" };
  }

  /**
   * @throws ClientError; it is emitted as `"error"` as well, since Keyv 5 takes a failed read for a missing key
   */
  async get(key: string): Promise<string | undefined> {
    try {
      return await this.client.get(key);
    } catch (error) {
      if (this.listenerCount("error") > 0) this.emit("error", error);
      throw error;
    }
  }

  /** Each read by itself: not all of one moment. */
  getMany(keys: readonly string[]): Promise<(string | undefined)[]> {
    return this.client.getMany(keys);
  }

  /**
   * @param ttl milliseconds until the key counts as absent, rounded up; none or infinite: never; a negative or zero one
   *   removes the key
   * @returns true
   * @throws TypeError when `value` is not a string; ClientError
   */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    const entry = toEntry({ key, value, ttl });
    if (entry === undefined) await this.client.delete(key);
    else await this.client.put(key, entry.value, { ttlMs: entry.ttlMs });
    return true;
  }

  /** Sets each by itself, so of any number and of all shards. @returns true for each entry */
  async setMany(entries: readonly KeyvTitanEntry[]): Promise<boolean[]> {
    const puts: PutEntry<string>[] = [];
    const gone: string[] = [];
    for (const entry of entries) {
      const put = toEntry(entry);
      if (put === undefined) gone.push(entry.key);
      else puts.push(put);
    }
    await Promise.all([this.client.putMany(puts), this.deleteMany(gone)]);
    return entries.map(() => true);
  }

  /** @returns whether the key was there */
  delete(key: string): Promise<boolean> {
    return this.client.delete(key);
  }

  /** @returns whether any of the keys was there */
  async deleteMany(keys: readonly string[]): Promise<boolean> {
    return deleteEach(keys, (key) => this.client.delete(key));
  }

  async has(key: string): Promise<boolean> {
    return (await this.client.get(key)) !== undefined;
  }

  async hasMany(keys: readonly string[]): Promise<boolean[]> {
    return (await this.client.getMany(keys)).map((value) => value !== undefined);
  }

  /** Removes the keys of the namespace or, without one, all: those that a scan of the moment shows. */
  async clear(): Promise<void> {
    const entries = this.client.scan({ prefix: prefixOf(this.namespace), keysOnly: true });
    await deleteEach(keysOf(entries), (key) => this.client.delete(key));
  }

  /**
   * Keys as stored, with their values, in byte order.
   * @param namespace only its keys. @default all keys
   */
  async *iterator(namespace?: string): AsyncGenerator<[string, string], void, undefined> {
    for await (const { key, value } of this.client.scan({ prefix: prefixOf(namespace) })) {
      yield [key, value];
    }
  }

  /** Closes the client when it is the adapter's own. Idempotent. */
  async disconnect(): Promise<void> {
    if (this.ownsClient) await this.client.close();
  }
}

/** By shape: the package may be installed twice, or loaded both by `import` and by `require`. */
function isClient(
  candidate: Pick<Api<never>, "withValues"> | KeyvTitanOptions,
): candidate is Pick<Api<never>, "withValues"> {
  return "withValues" in candidate;
}

/** Keyv 5 joins namespace and key by one colon, Keyv 6 by two. */
function prefixOf(namespace: string | undefined): string | undefined {
  return namespace === undefined || namespace === "" ? undefined : `${namespace}:`;
}

/** @returns undefined for one that has expired already. @throws TypeError */
function toEntry({ key, value, ttl }: KeyvTitanEntry): PutEntry<string> | undefined {
  if (typeof value !== "string") {
    throw new TypeError(
      `the adapter stores strings, not ${typeof value}; give Keyv a serializer that makes them`,
    );
  }
  if (ttl === undefined || ttl === null || ttl === Number.POSITIVE_INFINITY) return { key, value };
  if (typeof ttl !== "number" || Number.isNaN(ttl)) {
    throw new TypeError(`ttl must be a number of milliseconds: ${String(ttl)}`);
  }
  return ttl <= 0 ? undefined : { key, value, ttlMs: Math.ceil(ttl) };
}
