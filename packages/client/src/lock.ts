/**
 * Locks with a lease: a key that its holder has put there, which expires unless the holder renews it.
 *
 * What a lock does not do: stop a holder that was paused for longer than its lease from going on as if it still held it. No
 * lock over a network can. So each comes with a fencing token, which grows with each holder: a resource that refuses a
 * token lower than one it has seen refuses late holders (M. Kleppmann, "How to do distributed locking", 2016).
 */
import type { TitanClient } from "./api.js";
import type { CallScope } from "./call-scope.js";
import { ClientError, isClientError } from "./errors.js";
import type { Key } from "./keys.js";
import { MAX_TIMER_MS } from "./options.js";
import type { Clock, Random } from "./ports.js";
import type { CallOptions } from "./requests.js";
import type { KeyWatchEvent, Watch } from "./watch-requests.js";

export interface LockOptions extends CallOptions {
  /** Milliseconds until the lock is free again when its holder is gone; 1_000 to a day. @default 10_000 */
  readonly ttlMs?: number | undefined;
}

/** A lock that is held; renewed until it is released, or lost. */
export interface Lock extends AsyncDisposable {
  /** Grows with each holder of this lock. To be sent along with what the lock protects. */
  readonly token: number;
  /** Fires when the lock is no longer certainly held: it could not be renewed in time, or somebody took it away. */
  readonly signal: AbortSignal;
  /** Frees the lock, if it is held still. Idempotent. Rejects with ClientError; the lock then ends with its lease. */
  release(): Promise<void>;
}

/** What elections are made of. */
export interface OwnedLock extends Lock {
  /** What the key holds: what was drawn for this holder, and its label. */
  readonly owner: string;
}

/** What a lock is made with: the calls of a client whose values are text. */
export type LockCalls = Pick<TitanClient<string, Key>, "cas" | "watch">;

export interface LockDeps {
  readonly calls: LockCalls;
  readonly clock: Clock;
  readonly random: Random;
}

/** What is asked for. */
export interface LockRequest {
  readonly key: Key;
  readonly ttlMs: number;
  /** What the holder says of itself; shown to whoever reads the key. */
  readonly label?: string;
}

/** Digits of what is drawn for a holder, in front of its label. */
export const OWNER_DIGITS = 32;

export const DEFAULT_LOCK_TTL_MS = 10_000;
export const LEAST_LOCK_TTL_MS = 1_000;
export const LONGEST_LOCK_TTL_MS = 86_400_000;
/** How calls end with the wait that they belong to. */
const ENDINGS: ReadonlySet<string> = new Set(["CLIENT_TIMEOUT", "CLIENT_ABORTED"]);
/** Renewed so many times within a lease. */
const RENEWALS = 3;
/** Between two tries of something that failed. */
const RETRY_MS = 100;
/** Of the lease, how long a holder trusts it: its clock may run slower than the cluster's. */
const TRUSTED_SHARE = 0.95;
/** At most, between a lease that runs out and a try to take its place. */
const JITTER_MS = 50;

/**
 * Takes the lock once it is free.
 * @param scope bounds the wait. @throws ClientError `CLIENT_TIMEOUT`, `CLIENT_ABORTED`, and those of the calls that stay
 */
export async function acquire(
  request: LockRequest,
  scope: CallScope,
  deps: LockDeps,
): Promise<OwnedLock> {
  const { key, ttlMs } = request;
  const owner = newOwner(request, deps);
  const changes = new Changes(key, scope, deps);
  try {
    for (;;) {
      const attempt = await tryTake(key, { owner, ttlMs }, scope, deps);
      if (attempt.type === "taken") return new HeldLock(key, { owner, ttlMs }, attempt, deps);
      const jitterMs = deps.random.nextInt(JITTER_MS + 1);
      await changes.next(attempt.waitMs + jitterMs);
    }
  } finally {
    changes.end();
  }
}

/** Takes the lock if it is free. @returns undefined when it is not */
export async function tryAcquire(
  request: LockRequest,
  scope: CallScope,
  deps: LockDeps,
): Promise<Lock | undefined> {
  const { key, ttlMs } = request;
  const owner = newOwner(request, deps);
  const attempt = await tryTake(key, { owner, ttlMs }, scope, deps);
  return attempt.type === "taken" ? new HeldLock(key, { owner, ttlMs }, attempt, deps) : undefined;
}

interface Claim {
  /** Drawn for this attempt to hold it. */
  readonly owner: string;
  readonly ttlMs: number;
}

type Attempt =
  | { readonly type: "taken"; readonly token: number; readonly endsAtMs: number }
  /** It is held for so long yet, unless it is renewed; `Infinity` when it does not expire. */
  | { readonly type: "held"; readonly waitMs: number };

async function tryTake(
  key: Key,
  { owner, ttlMs }: Claim,
  scope: CallScope,
  { calls, clock }: LockDeps,
): Promise<Attempt> {
  for (;;) {
    if (scope.end !== undefined) throw waitedInVain(scope);
    const options = {
      timeoutMs: Math.max(1, Math.ceil(scope.remainingMs())),
      signal: scope.signal,
    };
    // A lease counts from before the call that shows it: the server's began or was looked at later.
    const askedAtMs = clock.monotonicMs();
    const taken = (token: number, leaseMs: number): Attempt => {
      return { type: "taken", token, endsAtMs: askedAtMs + leaseMs * TRUSTED_SHARE };
    };
    try {
      const result = await calls.cas(key, { expected: "absent", value: owner, ttlMs }, options);
      if (result.applied) return taken(result.revision, ttlMs);
      const { current } = result;
      // An earlier try took it, whose answer was lost; its lease has been running since.
      if (current?.value === owner) return taken(current.revision, current.ttlMs ?? 0);
      return { type: "held", waitMs: current?.ttlMs ?? Number.POSITIVE_INFINITY };
    } catch (error) {
      if (scope.end !== undefined) throw waitedInVain(scope, error);
      if (!isClientError(error) || error.outcome !== "unknown") throw error;
    }
    // It may be ours: the next try shows it.
    await scope.sleep(RETRY_MS).catch((error: unknown) => {
      throw waitedInVain(scope, error);
    });
  }
}

/** Wakes who waits for a lock when something happens to its key. */
class Changes {
  private readonly watch: Watch<KeyWatchEvent<Key>>;
  private isFollowing = false;
  private hasNews = false;
  private isBroken = false;
  private wake: () => void = nothing;

  constructor(
    key: Key,
    private readonly scope: CallScope,
    private readonly deps: LockDeps,
  ) {
    this.watch = deps.calls.watch({ key, keysOnly: true, signal: scope.signal });
  }

  /** Resolves when the lock may be free: at the latest after `mostMs`. Rejects with the reason of the scope's end. */
  async next(mostMs: number): Promise<void> {
    void this.follow();
    if (!this.hasNews) {
      const news = new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      const most = this.isBroken ? Math.min(mostMs, RETRY_MS) : mostMs;
      await this.untilFirst(news, most);
    }
    this.hasNews = false;
  }

  end(): void {
    this.watch.return?.().catch(nothing);
  }

  private async follow(): Promise<void> {
    if (this.isFollowing) return;
    this.isFollowing = true;
    try {
      for await (const event of this.watch) {
        // The first progress: what happened before that was not told.
        if (event.type !== "put") this.tell();
      }
    } catch {
      // Asking now and then does as well.
      this.isBroken = true;
      this.tell();
    }
  }

  private tell(): void {
    this.hasNews = true;
    this.wake();
  }

  private async untilFirst(news: Promise<void>, mostMs: number): Promise<void> {
    let cancel = nothing;
    const time = new Promise<void>((resolve) => {
      // A key with another use may live for longer than a timer can wait.
      if (mostMs <= MAX_TIMER_MS) cancel = this.deps.clock.schedule(mostMs, resolve);
    });
    try {
      await this.scope.race(Promise.race([news, time]));
    } catch (error) {
      throw waitedInVain(this.scope, error);
    } finally {
      cancel();
    }
  }
}

class HeldLock implements OwnedLock {
  readonly token: number;
  private readonly lost = new AbortController();
  /** Monotonic; the lock is certainly held until then. */
  private endsAtMs: number;
  private cancelRenewal: () => void = nothing;
  private cancelEnd: () => void = nothing;
  private releasing: Promise<void> | undefined;

  constructor(
    private readonly key: Key,
    private readonly claim: Claim,
    { token, endsAtMs }: { readonly token: number; readonly endsAtMs: number },
    private readonly deps: LockDeps,
  ) {
    this.token = token;
    this.endsAtMs = endsAtMs;
    this.arm();
  }

  get owner(): string {
    return this.claim.owner;
  }

  get signal(): AbortSignal {
    return this.lost.signal;
  }

  release(): Promise<void> {
    this.releasing ??= this.free();
    return this.releasing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  private async free(): Promise<void> {
    this.cancelRenewal();
    this.cancelEnd();
    if (this.lost.signal.aborted) return;
    this.lost.abort(new Error("the lock was released"));
    const { owner } = this.claim;
    await this.deps.calls.cas(this.key, { expected: { value: owner }, remove: true });
  }

  private arm(): void {
    const { clock } = this.deps;
    const leftMs = Math.max(0, this.endsAtMs - clock.monotonicMs());
    this.cancelEnd();
    this.cancelEnd = clock.schedule(leftMs, () => this.lose("it could not be renewed in time"));
    this.cancelRenewal();
    const nextMs = Math.min(this.claim.ttlMs, leftMs) / RENEWALS;
    this.cancelRenewal = clock.schedule(nextMs, () => void this.renew());
  }

  private async renew(): Promise<void> {
    const { clock, calls } = this.deps;
    const { owner, ttlMs } = this.claim;
    const endsAtMs = clock.monotonicMs() + ttlMs * TRUSTED_SHARE;
    // So that one node that does not answer leaves time to ask another.
    const leftMs = this.endsAtMs - clock.monotonicMs();
    const timeoutMs = Math.max(1, Math.ceil(Math.min(leftMs, ttlMs / RENEWALS)));
    try {
      const update = { expected: { value: owner }, value: owner, ttlMs };
      const { applied } = await calls.cas(this.key, update, { timeoutMs, signal: this.signal });
      if (this.lost.signal.aborted) return;
      if (!applied) {
        this.lose("somebody took it away");
        return;
      }
      this.endsAtMs = endsAtMs;
      this.arm();
    } catch (error) {
      if (this.lost.signal.aborted) return;
      if (isClientError(error) && error.code === "CLIENT_CLOSED") {
        this.lose("the client is closed");
        return;
      }
      // Until the lease is over there is time to try again.
      this.cancelRenewal = clock.schedule(RETRY_MS, () => void this.renew());
    }
  }

  private lose(why: string): void {
    this.cancelRenewal();
    this.cancelEnd();
    this.lost.abort(new Error(`the lock is lost: ${why}`));
  }
}

function newOwner({ label = "" }: LockRequest, { random }: LockDeps): string {
  const digits = Array.from({ length: OWNER_DIGITS / 8 }, () =>
    random
      .nextInt(2 ** 32)
      .toString(16)
      .padStart(8, "0"),
  );
  return digits.join("") + label;
}

function waitedInVain(scope: CallScope, cause?: unknown): unknown {
  // A try ends as the wait does, with whichever of its words for that; any other says more.
  const isOfTheWait = isClientError(cause) && ENDINGS.has(cause.code);
  if (isClientError(cause) && !isOfTheWait) return cause;
  if (scope.end?.kind === "aborted" || scope.end?.kind === "closed") {
    const isClosed = scope.end.kind === "closed";
    return new ClientError({
      code: isClosed ? "CLIENT_CLOSED" : "CLIENT_ABORTED",
      outcome: "unknown",
      message: isClosed ? "the client is closed" : "the wait for the lock was aborted",
      cause: scope.end.cause,
    });
  }
  return new ClientError({
    code: "CLIENT_TIMEOUT",
    outcome: "unknown",
    message: `the lock was not free within ${scope.timeoutMs} ms; if it became so just then, it is free again when its lease is over`,
    cause,
  });
}

function nothing(): void {}
