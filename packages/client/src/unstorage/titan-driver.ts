/**
 * A driver for unstorage 1: the contract of its `Driver`. Typed by shape; imports nothing of unstorage's.
 */
import type { TitanClient as Api } from "../api.js";
import { isClientError } from "../errors.js";
import { deleteEach, keysOf } from "../many.js";
import type { ClientOptions } from "../options.js";
import { TitanClient } from "../titan-client.js";
import type { KeyWatchEvent, Watch } from "../watch-requests.js";

/** Of a call; unstorage passes on what its caller gives. */
interface CallSettings {
  /** Seconds that the value lives, as with unstorage's other drivers. */
  readonly ttl?: number | undefined;
}

interface Item<Value> {
  readonly key: string;
  readonly value: Value;
  readonly options?: CallSettings | undefined;
}

export interface TitanDriverOptions {
  /** A client, which stays the caller's to close; or one's options. @default the default endpoint */
  readonly client?: Pick<Api<never>, "withValues"> | Omit<ClientOptions, "keys" | "values">;
  /** Goes before each key, with a colon between. @default nothing */
  readonly base?: string;
  /** Seconds that values live which say nothing else. @default they do not expire */
  readonly ttl?: number;
}

export interface TitanDriver {
  readonly name: "titan";
  readonly options: TitanDriverOptions;
  readonly flags: { readonly ttl: true };
  /** The client, for values that are text: for what unstorage has no words for, as compare-and-set and counters. */
  getInstance(): Api;
  hasItem(key: string): Promise<boolean>;
  getItem(key: string): Promise<string | null>;
  getItems(
    items: readonly { readonly key: string }[],
  ): Promise<{ key: string; value: string | null }[]>;
  getItemRaw(key: string): Promise<Uint8Array | null>;
  setItem(key: string, value: string, settings?: CallSettings): Promise<void>;
  setItems(items: readonly Item<string>[], settings?: CallSettings): Promise<void>;
  setItemRaw(key: string, value: Uint8Array | string, settings?: CallSettings): Promise<void>;
  removeItem(key: string): Promise<void>;
  /** `ttl`: seconds left to live. */
  getMeta(key: string): Promise<{ readonly ttl?: number } | null>;
  getKeys(base?: string): Promise<string[]>;
  clear(base?: string): Promise<void>;
  /** Closes the client when it is the driver's own. */
  dispose(): Promise<void>;
  /**
   * Goes on until it is stopped, the client is closed, or a failure that stays, which is a process warning: unstorage has no
   * words for it.
   */
  watch(callback: WatchCallback): Promise<() => void>;
}

type WatchCallback = (event: "update" | "remove", key: string) => unknown;
type KeyWatch = Watch<KeyWatchEvent>;

/**
 * Keeps what unstorage stores in a Titan node or cluster: `createStorage({ driver: titanDriver({ base: "app" }) })`.
 * @throws TypeError, RangeError for a wrong option
 */
export function titanDriver(options: TitanDriverOptions = {}): TitanDriver {
  return new Driver(options);
}

class Driver implements TitanDriver {
  readonly name = "titan";
  readonly flags = { ttl: true } as const;
  private readonly text: Api;
  private readonly bytes: Api<Uint8Array>;
  private readonly ownsClient: boolean;
  private readonly prefix: string;

  constructor(readonly options: TitanDriverOptions) {
    const { client = {}, base = "" } = options;
    this.ownsClient = !("withValues" in client);
    this.text =
      "withValues" in client
        ? client.withValues("string")
        : new TitanClient({ ...client, keys: "string", values: "string" });
    this.bytes = this.text.withValues("bytes");
    this.prefix = base === "" || base.endsWith(":") ? base : `${base}:`;
  }

  // As properties: unstorage calls them without their object.
  readonly getInstance = (): Api => this.text;

  readonly hasItem = async (key: string): Promise<boolean> =>
    (await this.bytes.get(this.stored(key))) !== undefined;

  readonly getItem = async (key: string): Promise<string | null> =>
    (await this.text.get(this.stored(key))) ?? null;

  readonly getItems = async (
    items: readonly { readonly key: string }[],
  ): Promise<{ key: string; value: string | null }[]> => {
    const values = await this.text.getMany(items.map(({ key }) => this.stored(key)));
    return items.map(({ key }, at) => ({ key, value: values[at] ?? null }));
  };

  readonly getItemRaw = async (key: string): Promise<Uint8Array | null> =>
    (await this.bytes.get(this.stored(key))) ?? null;

  readonly setItem = async (key: string, value: string, settings?: CallSettings): Promise<void> => {
    await this.text.put(this.stored(key), value, { ttlMs: this.ttlMs(settings) });
  };

  readonly setItems = async (
    items: readonly Item<string>[],
    settings?: CallSettings,
  ): Promise<void> => {
    const entries = items.map(({ key, value, options }) => {
      const ttlMs = this.ttlMs({ ...settings, ...options });
      return { key: this.stored(key), value, ttlMs };
    });
    await this.text.putMany(entries);
  };

  readonly setItemRaw = async (
    key: string,
    value: Uint8Array | string,
    settings?: CallSettings,
  ): Promise<void> => {
    const bytes = typeof value === "string" ? Buffer.from(value) : value;
    await this.bytes.put(this.stored(key), bytes, { ttlMs: this.ttlMs(settings) });
  };

  readonly removeItem = async (key: string): Promise<void> => {
    await this.text.delete(this.stored(key));
  };

  readonly getMeta = async (key: string): Promise<{ readonly ttl?: number } | null> => {
    const entry = await this.bytes.getEntry(this.stored(key));
    if (entry === undefined) return null;
    return entry.ttlMs === undefined ? {} : { ttl: Math.ceil(entry.ttlMs / 1_000) };
  };

  readonly getKeys = async (base = ""): Promise<string[]> => {
    const keys: string[] = [];
    for await (const key of keysOf(this.scan(base))) keys.push(key.slice(this.prefix.length));
    return keys;
  };

  readonly clear = async (base = ""): Promise<void> => {
    await deleteEach(keysOf(this.scan(base)), (key) => this.text.delete(key));
  };

  readonly dispose = async (): Promise<void> => {
    if (this.ownsClient) await this.text.close();
  };

  /** Resolves once what is written from then on is told. */
  readonly watch = async (callback: WatchCallback): Promise<() => void> => {
    const stop = new AbortController();
    const { signal } = stop;
    const begin = () =>
      this.text.watch({
        ...{ prefix: this.prefix, keysOnly: true, signal },
        giveUpAfterMs: Number.POSITIVE_INFINITY,
      });
    const first = begin();
    for (let isBegun = false; !isBegun; ) {
      const { value } = await first.next();
      isBegun = value === undefined || value.type === "progress";
      if (value !== undefined) this.tell(value, callback);
    }
    void this.follow(first, begin, callback, signal);
    return () => stop.abort();
  };

  /** Until it is stopped, or the client closed. Never rejects. */
  private async follow(
    first: KeyWatch,
    begin: () => KeyWatch,
    callback: WatchCallback,
    signal: AbortSignal,
  ): Promise<void> {
    for (let watch = first; ; watch = begin()) {
      try {
        for await (const event of watch) this.tell(event, callback);
        return;
      } catch (error) {
        const code = isClientError(error) ? error.code : undefined;
        if (signal.aborted || code === "CLIENT_CLOSED") return;
        // What was missed meanwhile nobody can tell; unstorage has no words for that.
        if (code === "CLIENT_COMPACTED") continue;
        process.emitWarning(error instanceof Error ? error : String(error));
        return;
      }
    }
  }

  private tell(event: KeyWatchEvent, callback: WatchCallback): void {
    if (event.type === "progress") return;
    callback(event.type === "put" ? "update" : "remove", event.key.slice(this.prefix.length));
  }

  private stored(key: string): string {
    return this.prefix + key;
  }

  private scan(base: string) {
    return this.text.scan({ prefix: this.prefix + base, keysOnly: true });
  }

  private ttlMs(settings: CallSettings | undefined): number | undefined {
    const seconds = settings?.ttl ?? this.options.ttl;
    return seconds === undefined ? undefined : Math.ceil(seconds * 1_000);
  }
}
