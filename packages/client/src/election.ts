/**
 * Elections: among many candidates one at a time leads. A lock whose holder says who it is, and which anybody may watch.
 *
 * What it does not do is what a lock does not do: a leader that was paused for longer than its lease does not know that
 * another leads by now. What must not happen then has to be fenced by the leadership's token.
 */
import type { TitanClient } from "./api.js";
import type { CallScope } from "./call-scope.js";
import { isClientError } from "./errors.js";
import type { Key } from "./keys.js";
import { acquire, type LockDeps, OWNER_DIGITS, type OwnedLock } from "./lock.js";
import type { ReadOptions } from "./requests.js";

export interface CampaignOptions {
  /** Milliseconds until another candidate leads when the leader is gone; 1_000 to a day. @default 10_000 */
  readonly ttlMs?: number | undefined;
  /** Milliseconds to wait for being elected. @default 2_147_483_647, some 24 days */
  readonly timeoutMs?: number | undefined;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

export interface ObserveOptions {
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

/** Who leads. */
export interface Leader {
  /** What the candidate said of itself. */
  readonly name: string;
  /** Of this leadership alone: the same candidate, elected again, has another. */
  readonly id: string;
}

/** That this process leads; renewed until it resigns, or loses it. */
export interface Leadership extends Leader, AsyncDisposable {
  /** Grows with each leadership of this election. To be sent along with what only the leader may do. */
  readonly token: number;
  /** Fires when it no longer certainly leads. */
  readonly signal: AbortSignal;
  /** Lets another candidate lead. Idempotent. Rejects with ClientError; the leadership then ends with its lease. */
  resign(): Promise<void>;
}

export interface Election {
  /**
   * Waits until this candidate leads. Who waited longest is not elected first.
   * @param name what others are told of the leader, such as its address
   * @throws ClientError `CLIENT_TIMEOUT`, `CLIENT_ABORTED`, and those of calls that stay
   */
  campaign(name: string, options?: CampaignOptions): Promise<Leadership>;
  /** Who leads; `undefined` when nobody does. */
  leader(options?: ReadOptions): Promise<Leader | undefined>;
  /**
   * Who leads now, and each time that another one does or nobody; some who led for moments only may be left out. Goes on
   * through failures of nodes until the loop is left. @throws ClientError those of a watch, but for `CLIENT_COMPACTED`
   */
  observe(options?: ObserveOptions): AsyncIterable<Leader | undefined>;
}

/** Milliseconds for reading who leads when watching begins: as long as a watch stands when no node says a word. */
const READ_MS = 60_000;

type ElectionCalls = LockDeps["calls"] & Pick<TitanClient<string, Key>, "getEntry" | "watch">;

export interface ElectionDeps extends LockDeps {
  readonly calls: ElectionCalls;
  /** Begins the scope of a campaign, with checked options. */
  openScope(options: CampaignOptions): CallScope;
  /** @throws TypeError, RangeError */
  ttlMs(options: CampaignOptions): number;
}

export function createElection(key: Key, deps: ElectionDeps): Election {
  return {
    campaign: (name, options = {}) => campaign(key, name, options, deps),
    leader: async (options) => leaderIn((await deps.calls.getEntry(key, options))?.value),
    observe: (options = {}) => ({
      [Symbol.asyncIterator]: () => observe(key, deps.calls, options),
    }),
  };
}

async function campaign(
  key: Key,
  name: string,
  options: CampaignOptions,
  deps: ElectionDeps,
): Promise<Leadership> {
  if (typeof name !== "string") throw new TypeError("a candidate's name is a string");
  const ttlMs = deps.ttlMs(options);
  const scope = deps.openScope(options);
  try {
    const lock = await acquire({ key, ttlMs, label: name }, scope, deps);
    return leadershipOf(lock, name);
  } finally {
    scope.finish();
  }
}

function leadershipOf(lock: OwnedLock, name: string): Leadership {
  const { owner, token, signal } = lock;
  return {
    ...{ name, token, signal, id: owner.slice(0, OWNER_DIGITS) },
    resign: () => lock.release(),
    [Symbol.asyncDispose]: () => lock.release(),
  };
}

async function* observe(
  key: Key,
  calls: ElectionCalls,
  { signal }: ObserveOptions,
): AsyncGenerator<Leader | undefined, void> {
  // Not a leader and not nobody: nothing has been told yet.
  let told: string | undefined | null = null;
  for (;;) {
    let readRevision: number | undefined;
    try {
      for await (const event of calls.watch({ key, signal })) {
        let value: string | undefined;
        if (event.type === "progress") {
          if (readRevision !== undefined) continue;
          // What was so before the watch began is not told by it.
          const entry = await calls.getEntry(key, { signal, timeoutMs: READ_MS });
          readRevision = entry?.revision ?? 0;
          value = entry?.value;
        } else {
          if (event.revision <= (readRevision ?? 0)) continue;
          value = event.type === "put" ? event.value : undefined;
        }
        // A lease that is renewed is a change of the key, but not of the leader.
        if (value === told) continue;
        told = value;
        yield leaderIn(value);
      }
      return;
    } catch (error) {
      // Too much has happened to be told one by one: what is so now is what matters.
      if (!isClientError(error) || error.code !== "CLIENT_COMPACTED") throw error;
    }
  }
}

function leaderIn(value: string | undefined): Leader | undefined {
  if (value === undefined) return undefined;
  return { id: value.slice(0, OWNER_DIGITS), name: value.slice(OWNER_DIGITS) };
}
