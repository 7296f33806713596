/** What a client can be told when it is made, and the defaults. */
import type { KeyOf, KeysOption } from "./keys.js";
import type { ClientPorts } from "./ports.js";
import type { TitanClient } from "./titan-client.js";
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
  /** Calls on the wire at once; more wait in line. More than a few hundred makes gRPC slower, not faster.
   * @default 256 */
  readonly maxConcurrentCalls?: number;
  /** Calls that wait in line; one more is refused with `CLIENT_OVERLOADED`. @default 65_536 */
  readonly maxQueuedCalls?: number;
  /** Scans open at once; one more is refused with `CLIENT_OVERLOADED`. @default 64 */
  readonly maxConcurrentScans?: number;
  /** Largest answer taken, in bytes; must hold the server's largest value. @default 67_108_864 (64 MiB) */
  readonly maxMessageBytes?: number;
  /** Milliseconds without traffic after which the connection is probed. @default 10_000 */
  readonly keepaliveMs?: number;
  /** Retries. */
  readonly retry?: RetryOptions;
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
