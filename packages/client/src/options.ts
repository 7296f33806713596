/** What a client can be told when it is made, and the defaults. */

import type { TitanClient } from "./api.js";
import { parseEndpoint } from "./endpoint-address.js";
import type { Interceptor } from "./interceptors.js";
import type { KeyOf, KeysOption } from "./keys.js";
import { harmless, type Logger } from "./log.js";
import type { ClientPorts, Endpoint } from "./ports.js";
import type { ValueOf, ValuesOption } from "./values.js";

/** When and how often a call is tried again. Only what is safe is: see the README. */
export interface RetryOptions {
  /** Tries per call, the first included; at least 1. @default 10 */
  readonly maxAttempts?: number;
  /** Upper bound of the first random wait in milliseconds; doubles with each try. @default 25 */
  readonly baseDelayMs?: number;
  /** Most milliseconds between two tries, unless the server asks for more. @default 1_000 */
  readonly maxDelayMs?: number;
  /**
   * Retries that may be under way beyond one for every ten calls that succeed: a bucket of tokens. Keeps a
   * sick cluster from being buried by retries. 0: no retries of calls that reached a server. @default 512
   */
  readonly budget?: number;
}

/** Settings of a client. */
export interface ClientOptions<
  Values extends ValuesOption = ValuesOption,
  Keys extends KeysOption = KeysOption,
> {
  /**
   * Addresses of nodes, each `host:port`, `host` or `http://host:port`; IPv6 in brackets; port 7420 when
   * left out. Any node takes any request, so one is enough while it is up. @default ["127.0.0.1:7420"]
   */
  readonly endpoints?: readonly string[];
  /** What values are: text, bytes, JSON or what a codec of yours makes of them. @default "string" */
  readonly values?: Values;
  /** How keys come back: as text, or as bytes when some are not UTF-8. @default "string" */
  readonly keys?: Keys;
  /** Milliseconds until a call gives up, waiting and retries included. @default 5_000 */
  readonly timeoutMs?: number;
  /** Milliseconds for one attempt to connect to one endpoint. @default 2_000 */
  readonly connectTimeoutMs?: number;
  /**
   * Calls on the wire at once; more wait in line. @default 1_024; without pipelining 256, as more calls that travel by
   * themselves make gRPC slower, not faster
   */
  readonly maxConcurrentCalls?: number;
  /** Calls that wait in line; one more is refused with `CLIENT_OVERLOADED`. @default 65_536 */
  readonly maxQueuedCalls?: number;
  /** Scans open at once; one more is refused with `CLIENT_OVERLOADED`. @default 64 */
  readonly maxConcurrentScans?: number;
  /** Watches open at once; one more is refused with `CLIENT_OVERLOADED`. @default 256 */
  readonly maxConcurrentWatches?: number;
  /** Largest answer taken, in bytes; must hold the server's largest value. @default 67_108_864 (64 MiB) */
  readonly maxMessageBytes?: number;
  /**
   * Calls on keys that are made in the same turn travel together, over one stream: several times as fast. `false`: each
   * by itself, for proxies that do not carry long streams. So it is with `maxMessageBytes` below 8 MiB. @default true
   */
  readonly pipelining?: boolean;
  /**
   * Learns the cluster's nodes and who leads which shard, and sends calls there: one way less for most. What nodes say is
   * their address has to be reached from here for that; what is not costs nothing but the detour. `false`: only `endpoints`
   * are used, for proxies and load balancers. @default true
   */
  readonly discovery?: boolean;
  /**
   * Gives each write an id by which the cluster recognises it when it is sent again. A write whose answer was lost is then
   * retried until its deadline, and happens once. Costs the cluster memory and a record for each write, and the first write
   * a round trip. @default false
   */
  readonly exactlyOnce?: boolean;
  /** Milliseconds without traffic after which the connection is probed. @default 10_000 */
  readonly keepaliveMs?: number;
  /** Retries. */
  readonly retry?: RetryOptions;
  /** Run around each call, the first one outermost. @default none */
  readonly interceptors?: readonly Interceptor[];
  /** Told what happens: connections, retries. Must return at once. @default none */
  readonly logger?: Logger;
}

/** Makes clients; the types of keys and values follow from the options. */
export interface TitanClientConstructor {
  /**
   * Opens nothing yet: the first call connects.
   * @param ports for tests: time, randomness and transport
   * @throws TypeError, RangeError for a wrong option
   */
  new <const Values extends ValuesOption = "string", const Keys extends KeysOption = "string">(
    options?: ClientOptions<Values, Keys>,
    ports?: Partial<ClientPorts>,
  ): TitanClient<ValueOf<Values>, KeyOf<Keys>>;
}

/** Options that have been checked, with the defaults in place. */
export interface ResolvedOptions {
  readonly endpoints: readonly Endpoint[];
  readonly keys: KeysOption;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly maxConcurrentCalls: number;
  readonly maxQueuedCalls: number;
  readonly maxConcurrentScans: number;
  readonly maxConcurrentWatches: number;
  readonly maxMessageBytes: number;
  readonly keepaliveMs: number;
  readonly pipelining: boolean;
  readonly discovery: boolean;
  readonly exactlyOnce: boolean;
  readonly retry: Required<RetryOptions>;
  readonly interceptors: readonly Interceptor[];
  readonly logger: Logger;
}

/** Longest time that a Node timer can wait; beyond it would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

const DEFAULTS = {
  endpoints: ["127.0.0.1:7420"],
  keys: "string",
  timeoutMs: 5_000,
  connectTimeoutMs: 2_000,
  maxConcurrentCalls: 1_024,
  maxQueuedCalls: 65_536,
  maxConcurrentScans: 64,
  maxConcurrentWatches: 256,
  maxMessageBytes: 64 * 1024 * 1024,
  keepaliveMs: 10_000,
  pipelining: true,
  discovery: true,
  exactlyOnce: false,
} as const;

/** Of {@link ClientOptions.maxConcurrentCalls} without pipelining. */
const UNARY_CONCURRENT_CALLS = 256;

type Flag = "pipelining" | "discovery" | "exactlyOnce";

const RETRY_DEFAULTS = {
  maxAttempts: 10,
  baseDelayMs: 25,
  maxDelayMs: 1_000,
  budget: 512,
} as const;

/**
 * Checks options and fills in the defaults.
 * @throws TypeError for what is not a number, string or list where one belongs, and for unknown names
 * @throws RangeError for numbers out of range and endpoints that cannot be read
 */
export function resolveOptions(options: ClientOptions): ResolvedOptions {
  checkNames(options, [...Object.keys(DEFAULTS), "values", "retry", "interceptors", "logger"]);
  const given = options.retry ?? {};
  checkNames(given, Object.keys(RETRY_DEFAULTS), "retry.");
  const { keys = DEFAULTS.keys } = options;
  if (keys !== "string" && keys !== "bytes") {
    throw new TypeError('keys must be "string" or "bytes"');
  }
  const flag = (name: Flag): boolean => {
    const value = options[name] ?? DEFAULTS[name];
    if (typeof value !== "boolean") throw new TypeError(`${name} is true or false`);
    return value;
  };
  const number = (
    name: Exclude<keyof typeof DEFAULTS, "endpoints" | "keys" | Flag>,
    min: number,
    max: number,
  ) => checkInteger(options[name] ?? DEFAULTS[name], name, min, max);
  const pipelining = flag("pipelining");
  const concurrentCalls = pipelining ? DEFAULTS.maxConcurrentCalls : UNARY_CONCURRENT_CALLS;
  const retry = (name: keyof RetryOptions, min: number, max: number) =>
    checkInteger(given[name] ?? RETRY_DEFAULTS[name], `retry.${name}`, min, max);
  const baseDelayMs = retry("baseDelayMs", 1, MAX_TIMER_MS);
  const maxDelayMs = Math.max(baseDelayMs, RETRY_DEFAULTS.maxDelayMs);
  return {
    endpoints: resolveEndpoints(options.endpoints ?? DEFAULTS.endpoints),
    keys,
    timeoutMs: number("timeoutMs", 1, MAX_TIMER_MS),
    connectTimeoutMs: number("connectTimeoutMs", 1, MAX_TIMER_MS),
    maxConcurrentCalls: checkInteger(
      options.maxConcurrentCalls ?? concurrentCalls,
      "maxConcurrentCalls",
      1,
      65_536,
    ),
    maxQueuedCalls: number("maxQueuedCalls", 0, 16_777_216),
    maxConcurrentScans: number("maxConcurrentScans", 1, 65_536),
    maxConcurrentWatches: number("maxConcurrentWatches", 1, 65_536),
    maxMessageBytes: number("maxMessageBytes", 65_536, 2 ** 31 - 1),
    keepaliveMs: number("keepaliveMs", 1_000, MAX_TIMER_MS),
    pipelining,
    discovery: flag("discovery"),
    exactlyOnce: flag("exactlyOnce"),
    retry: {
      maxAttempts: retry("maxAttempts", 1, 1_000),
      baseDelayMs,
      maxDelayMs:
        given.maxDelayMs === undefined
          ? maxDelayMs
          : retry("maxDelayMs", baseDelayMs, MAX_TIMER_MS),
      budget: retry("budget", 0, 1_000_000),
    },
    interceptors: resolveInterceptors(options.interceptors ?? []),
    logger: resolveLogger(options.logger),
  };
}

/** Checks a number of milliseconds that a timer is to wait. */
export function checkTimeoutMs(value: number, name: string): number {
  return checkInteger(value, name, 1, MAX_TIMER_MS);
}

/**
 * Checks an integer in `[min, max]`.
 * @throws TypeError when it is not a number, RangeError when it is another
 */
export function checkInteger(value: number, name: string, min: number, max: number): number {
  if (typeof value !== "number") throw new TypeError(`${name} is a number, not ${typeof value}`);
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} is an integer from ${min} to ${max}, not ${value}`);
  }
  return value;
}

function resolveInterceptors(interceptors: readonly Interceptor[]): readonly Interceptor[] {
  const isList = Array.isArray(interceptors);
  if (!isList || interceptors.some((each) => typeof each !== "function")) {
    throw new TypeError("interceptors is a list of functions");
  }
  return [...interceptors];
}

function resolveLogger(logger: Logger | undefined): Logger {
  if (logger !== undefined && typeof logger !== "function") {
    throw new TypeError("logger is a function");
  }
  return harmless(logger);
}

function resolveEndpoints(texts: readonly string[]): readonly Endpoint[] {
  if (!Array.isArray(texts)) throw new TypeError("endpoints is a list of strings");
  if (texts.length === 0) throw new RangeError("endpoints has at least one entry");
  const endpoints = texts.map(parseEndpoint);
  const byAddress = new Map(endpoints.map((endpoint) => [endpoint.address, endpoint]));
  return [...byAddress.values()];
}

/** A misspelt option would be silently without effect. */
function checkNames(options: object, known: readonly string[], prefix = ""): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new TypeError(`there is no option "${prefix}${name}"`);
  }
}
