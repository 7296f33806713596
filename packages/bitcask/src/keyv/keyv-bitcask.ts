/**
 * A storage adapter for Keyv: the contract of Keyv 5, which Keyv 6 takes through its own bridge. The
 * class is typed by shape and imports nothing of Keyv's, so it fits whichever of the two is there.
 */
import { EventEmitter } from "node:events";
import { Bitcask } from "../bitcask.js";
import { asBuffer } from "../bytes.js";
import { BitcaskError } from "../errors.js";
import { deleteRange } from "../level/delete-range.js";
import type { BatchOperation, BitcaskOptions, PutOptions } from "../options.js";

/** One entry of {@link KeyvBitcask.setMany}. */
export interface KeyvBitcaskEntry {
  readonly key: string;
  readonly value: unknown;
  /** As in {@link KeyvBitcask.set}. */
  readonly ttl?: number | undefined;
}

/** What Keyv reads from an adapter's `opts`. */
export interface KeyvBitcaskOpts {
  /** The directory. */
  url: string;
  dialect: string;
  [name: string]: unknown;
}

/**
 * Keeps Keyv's entries in a Bitcask store: durable, with exact expiry and without a server.
 *
 * Keys are stored as Keyv gives them, its namespace prefix included; values are strings, which is
 * what Keyv's serializers make. Use one adapter per Keyv instance, since Keyv writes its namespace into
 * the adapter; several adapters may share one open store.
 */
export class KeyvBitcask extends EventEmitter {
  /** Keyv 5 offers `iterator()` only for dialects of a fixed list. This one is embedded, as we are. */
  readonly opts: KeyvBitcaskOpts;
  /** Set by Keyv 5. Bounds {@link KeyvBitcask.clear} and {@link KeyvBitcask.iterator}. */
  declare namespace?: string | undefined;
  readonly #options: BitcaskOptions | undefined;
  readonly #ownsStore: boolean;
  #store: Promise<Bitcask> | undefined;
  #isDisconnected = false;

  /**
   * @param store an open store, which stays the caller's to close; or a directory, opened at the
   *   first use and closed by {@link KeyvBitcask.disconnect}
   * @param options of the store; for a directory only
   * @throws TypeError for anything else
   */
  constructor(store: Bitcask | string, options?: BitcaskOptions) {
    super();
    if (typeof store === "string") {
      if (store === "") throw new TypeError("the directory must not be empty");
    } else if (!isStore(store)) {
      throw new TypeError("give a directory or an open Bitcask");
    } else if (options !== undefined) {
      throw new TypeError("an open store has its options already");
    }
    this.#ownsStore = typeof store === "string";
    this.#options = options;
    if (typeof store !== "string") this.#store = Promise.resolve(store);
    this.opts = { url: typeof store === "string" ? store : store.directory, dialect: "sqlite" };
  }

  /**
   * @throws BitcaskError; it is emitted as `"error"` as well, since Keyv 5 takes a failed read for a
   *   missing key
   */
  async get(key: string): Promise<string | undefined> {
    try {
      return text(await (await this.#opened()).get(key));
    } catch (error) {
      if (this.listenerCount("error") > 0) this.emit("error", error);
      throw error;
    }
  }

  /** All of one moment. */
  async getMany(keys: readonly string[]): Promise<Array<string | undefined>> {
    const store = await this.#opened();
    return (await Promise.all(keys.map((key) => store.get(key)))).map(text);
  }

  /**
   * @param ttl milliseconds until the key counts as absent, rounded up; none or infinite: never; a
   *   negative or zero one removes the key
   * @returns true
   * @throws TypeError when `value` is not a string
   */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    const operation = toOperation({ key, value, ttl });
    const store = await this.#opened();
    if (operation.type === "delete") await store.delete(key);
    else await store.put(key, operation.value, expiryOf(operation));
    return true;
  }

  /**
   * Sets all or none: one atomic batch, so no larger than the store's `maxBatchBytes`.
   * @returns true for each entry
   */
  async setMany(entries: readonly KeyvBitcaskEntry[]): Promise<boolean[]> {
    const operations = entries.map(toOperation);
    await (await this.#opened()).batch(operations);
    return entries.map(() => true);
  }

  /** @returns whether the key was there */
  async delete(key: string): Promise<boolean> {
    return (await this.#opened()).delete(key);
  }

  /** @returns whether any of the keys was there */
  async deleteMany(keys: readonly string[]): Promise<boolean> {
    const store = await this.#opened();
    const deleted = await Promise.all(keys.map((key) => store.delete(key)));
    return deleted.includes(true);
  }

  async has(key: string): Promise<boolean> {
    return (await this.#opened()).has(key);
  }

  async hasMany(keys: readonly string[]): Promise<boolean[]> {
    const store = await this.#opened();
    return keys.map((key) => store.has(key));
  }

  /** Removes the keys of the namespace or, without one, all; those that are there at the call. */
  async clear(): Promise<void> {
    const prefix = prefixOf(this.namespace);
    const store = await this.#opened();
    const { maxBatchBytes } = this.#options ?? {};
    await deleteRange(store, store.keys({ prefix }), { maxBatchBytes });
  }

  /**
   * Keys as stored, with their values, in byte order, as of the first step.
   * @param namespace only its keys. @default all keys
   */
  async *iterator(namespace?: string): AsyncGenerator<[string, string], void, undefined> {
    const store = await this.#opened();
    for await (const { key, value } of store.entries({ prefix: prefixOf(namespace) })) {
      yield [asBuffer(key).toString("utf8"), asBuffer(value).toString("utf8")];
    }
  }

  /** Closes the store when the adapter opened it. Later calls fail with `BITCASK_CLOSED`. Idempotent. */
  async disconnect(): Promise<void> {
    this.#isDisconnected = true;
    if (this.#ownsStore) await (await this.#store)?.close();
  }

  #opened(): Promise<Bitcask> {
    if (this.#isDisconnected) {
      const message = "the adapter is disconnected";
      return Promise.reject(
        new BitcaskError({ code: "BITCASK_CLOSED", message, outcome: "not-applied" }),
      );
    }
    this.#store ??= this.#open();
    return this.#store;
  }

  async #open(): Promise<Bitcask> {
    try {
      return await Bitcask.open(this.opts.url, this.#options);
    } catch (error) {
      // A lock may be gone by the next call: let that one try again.
      this.#store = undefined;
      throw error;
    }
  }
}

/** By shape: the package may be installed twice, or loaded both by `import` and by `require`. */
function isStore(candidate: unknown): candidate is Bitcask {
  return (
    typeof candidate === "object" &&
    candidate !== null &&
    ["get", "put", "batch", "entries"].every(
      (name) => typeof (candidate as Record<string, unknown>)[name] === "function",
    ) &&
    typeof (candidate as Record<string, unknown>)["directory"] === "string"
  );
}

function text(value: Uint8Array | undefined): string | undefined {
  return value && asBuffer(value).toString("utf8");
}

/** Keyv 5 joins namespace and key by one colon, Keyv 6 by two. */
function prefixOf(namespace: string | undefined): string | undefined {
  return namespace ? `${namespace}:` : undefined;
}

/** @throws TypeError for a value that is no string or a ttl that is no number */
function toOperation({ key, value, ttl }: KeyvBitcaskEntry): BatchOperation {
  if (typeof value !== "string") {
    throw new TypeError(
      `the adapter stores strings, not ${typeof value}; give Keyv a serializer that makes them`,
    );
  }
  if (ttl === undefined || ttl === null || ttl === Number.POSITIVE_INFINITY) {
    return { type: "put", key, value };
  }
  if (typeof ttl !== "number" || Number.isNaN(ttl)) {
    throw new TypeError(`ttl must be a number of milliseconds: ${String(ttl)}`);
  }
  return ttl <= 0 ? { type: "delete", key } : { type: "put", key, value, ttlMs: Math.ceil(ttl) };
}

function expiryOf({ ttlMs }: { readonly ttlMs?: number | undefined }): PutOptions | undefined {
  return ttlMs === undefined ? undefined : { ttlMs };
}
