/**
 * Leases: keys that go when their owner does. Each key of a lease has a time to live that the client renews as long as its
 * process runs; nobody renews it when that is gone.
 *
 * What it guarantees: a key of a lease is gone at most `ttlMs` after its owner's last renewal, and sooner where the owner
 * revokes the lease. What it does not: that the owner is alive as long as the key is there, or that a paused owner knows that
 * its keys are gone; `signal` fires as soon as its process can tell. Renewing costs a write for each key, three times in
 * `ttlMs`: for thousands of keys give each owner one key, and let the others name it.
 */
import { setMaxListeners } from "node:events";
import type { TitanClient } from "./api.js";
import { ClientError, isClientError } from "./errors.js";
import { type Key, keyToBytes } from "./keys.js";
import type { Clock } from "./ports.js";
import type { CallOptions, WriteResult } from "./requests.js";

export interface LeaseOptions {
  /** Milliseconds until the keys are gone when their owner is; 1_000 to a day. @default 10_000 */
  readonly ttlMs?: number | undefined;
}

/** A set of keys that go when this process does. */
export interface Lease<V> extends AsyncDisposable {
  readonly ttlMs: number;
  /** Keys that it keeps, in the order in which they came. One that somebody else wrote or removed since is none of them. */
  readonly keys: readonly Key[];
  /** Fires when its keys are no longer certainly there: one could not be renewed in time, or the lease was revoked. */
  readonly signal: AbortSignal;
  /**
   * Stores `value` for as long as the lease lives, replacing what was there. Writes of a key follow each other, and the
   * deadline of each begins with its turn.
   * @throws ClientError `CLIENT_OVERLOADED` beyond 1,024 keys, or 1,024 puts of one key that wait; `CLIENT_CLOSED` once it is over; those of a put. After an
   *   outcome that is unknown the key may be there until `ttlMs` are over.
   */
  put(key: Key, value: V, options?: CallOptions): Promise<WriteResult>;
  /** Removes a key of the lease, unless somebody else wrote it since. @returns whether it was there and its own */
  delete(key: Key, options?: CallOptions): Promise<boolean>;
  /** Removes all its keys and ends it. Idempotent. Rejects with the first ClientError; what is left goes with its time to live. */
  revoke(): Promise<void>;
}

export const MOST_LEASE_KEYS = 1_024;
/** Puts of one key that wait for their turn. */
export const MOST_LEASE_PUTS = 1_024;
/** Values of a key that are kept to recognise it by; what an older unanswered put left goes with its time to live. */
const MOST_UNSURE = 16;
const RENEWALS = 3;
const RETRY_MS = 100;
/** Of a time to live, how much the owner trusts: its clock may run slower than the cluster's. */
const TRUSTED_SHARE = 0.95;

/** What a lease is made with: the calls of a client whose values are bytes. */
export type LeaseCalls = Pick<TitanClient<Uint8Array, Key>, "put" | "cas" | "getEntry">;

export interface LeaseDeps<V> {
  readonly calls: LeaseCalls;
  readonly clock: Clock;
  encode(value: V): Uint8Array;
}

/** What a key holds, as far as is known. */
interface Stored {
  readonly value: Uint8Array;
  readonly revision: number;
}

interface LeasedKey {
  readonly key: Key;
  /** What was last known to be written; undefined before that. */
  stored: Stored | undefined;
  /** What may have been written since. Empty: `stored` is what is there, unless somebody else wrote. */
  unsure: readonly Uint8Array[];
  /** Monotonic: it certainly is there until then, unless somebody else removes it. */
  endsAtMs: number;
  /** Its writes and renewals follow each other, and wait for those of no other key. Never rejects. */
  turn: Promise<unknown>;
  /** Puts that wait or run. Invariant: at most {@link MOST_LEASE_PUTS}. */
  puts: number;
  cancelRenewal: () => void;
}

export class RenewedLease<V> implements Lease<V> {
  private readonly held = new Map<string, LeasedKey>();
  private readonly over = new AbortController();
  private cancelEnd: () => void = nothing;
  private revoking: Promise<void> | undefined;

  constructor(
    readonly ttlMs: number,
    private readonly deps: LeaseDeps<V>,
  ) {
    // All keys that are renewed at once listen to it.
    setMaxListeners(0, this.over.signal);
  }

  get keys(): readonly Key[] {
    return [...this.held.values()].map(({ key }) => key);
  }

  get signal(): AbortSignal {
    return this.over.signal;
  }

  async put(key: Key, value: V, options?: CallOptions): Promise<WriteResult> {
    const bytes = this.deps.encode(value);
    const name = nameOf(key);
    this.checkLive();
    const leased = this.held.get(name) ?? this.admit(name, newKey(key));
    if (leased.puts >= MOST_LEASE_PUTS) {
      throw overloaded(`${MOST_LEASE_PUTS} puts of this key wait already`);
    }
    leased.puts += 1;
    try {
      return await this.putInTurn(name, leased, (now) => this.write(name, now, bytes, options));
    } finally {
      leased.puts -= 1;
    }
  }

  async delete(key: Key, options?: CallOptions): Promise<boolean> {
    const name = nameOf(key);
    this.checkLive();
    const leased = this.held.get(name);
    if (leased === undefined) return false;
    return this.inTurn(leased, async () => {
      this.drop(name, leased);
      return this.remove(leased, options);
    });
  }

  revoke(): Promise<void> {
    this.revoking ??= this.removeAll();
    return this.revoking;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.revoke();
  }

  /** What came before it in its turn may have taken the key out of the lease: then it comes in anew. */
  private putInTurn<Result>(
    name: string,
    leased: LeasedKey,
    write: (leased: LeasedKey) => Promise<Result>,
  ): Promise<Result> {
    return this.inTurn(leased, async () => {
      this.checkLive();
      const now = this.held.get(name);
      if (now !== undefined && now !== leased) return this.putInTurn(name, now, write);
      if (now === undefined) this.admit(name, Object.assign(leased, NEVER_WRITTEN));
      return write(leased);
    });
  }

  private async write(
    name: string,
    leased: LeasedKey,
    value: Uint8Array,
    options: CallOptions | undefined,
  ): Promise<WriteResult> {
    const { calls, clock } = this.deps;
    const { unsure } = leased;
    const askedAtMs = clock.monotonicMs();
    leased.unsure = [...unsure, value].slice(-MOST_UNSURE);
    try {
      const { revision } = await calls.put(leased.key, value, { ...options, ttlMs: this.ttlMs });
      this.renewed(name, leased, { value, revision }, askedAtMs);
      return { revision };
    } catch (error) {
      if (isClientError(error) && error.outcome === "unknown") {
        // The next renewal finds out.
        this.renewIn(name, leased, this.ttlMs / RENEWALS);
      } else {
        leased.unsure = unsure;
        if (leased.stored === undefined && unsure.length === 0) this.drop(name, leased);
      }
      throw error;
    }
  }

  private async remove(leased: LeasedKey, options?: CallOptions): Promise<boolean> {
    const { key, stored, unsure } = leased;
    const known = stored === undefined ? [] : [{ revision: stored.revision }];
    for (const expected of [...known, ...unsure.map((value) => ({ value }))]) {
      const { applied } = await this.deps.calls.cas(key, { expected, remove: true }, options);
      if (applied) return true;
    }
    return false;
  }

  private async removeAll(): Promise<void> {
    if (!this.over.signal.aborted) this.end("the lease was revoked");
    const removals = [...this.held.values()].map((leased) =>
      this.inTurn(leased, async () => {
        await this.remove(leased);
      }),
    );
    this.held.clear();
    const results = await Promise.allSettled(removals);
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  private renewed(name: string, leased: LeasedKey, stored: Stored, askedAtMs: number): void {
    leased.stored = stored;
    leased.unsure = [];
    leased.endsAtMs = askedAtMs + this.ttlMs * TRUSTED_SHARE;
    this.armEnd();
    this.renewIn(name, leased, this.ttlMs / RENEWALS);
  }

  /** Ends it when the first of its keys runs out. */
  private armEnd(): void {
    this.cancelEnd();
    if (this.over.signal.aborted) return;
    const { clock } = this.deps;
    const endsAtMs = Math.min(...[...this.held.values()].map((leased) => leased.endsAtMs));
    if (endsAtMs === Number.POSITIVE_INFINITY) return;
    this.cancelEnd = clock.schedule(Math.max(0, endsAtMs - clock.monotonicMs()), () =>
      this.end("a key could not be renewed in time"),
    );
  }

  private renewIn(name: string, leased: LeasedKey, delayMs: number): void {
    leased.cancelRenewal();
    if (this.over.signal.aborted || this.held.get(name) !== leased) return;
    leased.cancelRenewal = this.deps.clock.schedule(delayMs, () => {
      this.inTurn(leased, () => this.renew(name, leased)).catch((error: unknown) => {
        const isClosed = isClientError(error) && error.code === "CLIENT_CLOSED";
        if (isClosed) this.end("the client is closed");
        else this.renewIn(name, leased, RETRY_MS);
      });
    });
  }

  private async renew(name: string, leased: LeasedKey): Promise<void> {
    if (this.over.signal.aborted || this.held.get(name) !== leased) return;
    const { calls, clock } = this.deps;
    const { key } = leased;
    const askedAtMs = clock.monotonicMs();
    const options = {
      timeoutMs: Math.max(1, Math.ceil(this.ttlMs / RENEWALS)),
      signal: this.signal,
    };
    const stored = await this.ownState(leased, options);
    if (stored === undefined) {
      this.drop(name, leased);
      return;
    }
    leased.stored = stored;
    const { value, revision } = stored;
    leased.unsure = [value];
    const request = { expected: { revision }, value, ttlMs: this.ttlMs };
    try {
      const result = await calls.cas(key, request, options);
      if (!result.applied) this.drop(name, leased);
      else this.renewed(name, leased, { value, revision: result.revision }, askedAtMs);
    } catch (error) {
      if (isClientError(error) && error.outcome === "not-applied") leased.unsure = [];
      throw error;
    }
  }

  /** What the key holds, if that is the lease's: after writes of which nobody knows whether they happened it is looked up. */
  private async ownState(
    { key, stored, unsure }: LeasedKey,
    options: CallOptions,
  ): Promise<Stored | undefined> {
    if (unsure.length === 0) return stored;
    const entry = await this.deps.calls.getEntry(key, options);
    if (entry === undefined) return undefined;
    const isOwn =
      entry.revision === stored?.revision || unsure.some((value) => areEqual(value, entry.value));
    return isOwn ? { value: entry.value, revision: entry.revision } : undefined;
  }

  private inTurn<Result>(leased: LeasedKey, work: () => Promise<Result>): Promise<Result> {
    const done = leased.turn.then(work);
    leased.turn = done.catch(nothing);
    return done;
  }

  private admit(name: string, leased: LeasedKey): LeasedKey {
    if (this.held.size >= MOST_LEASE_KEYS) {
      throw overloaded(`a lease keeps at most ${MOST_LEASE_KEYS} keys`);
    }
    this.held.set(name, leased);
    return leased;
  }

  private drop(name: string, leased: LeasedKey): void {
    leased.cancelRenewal();
    if (this.held.get(name) === leased) this.held.delete(name);
    this.armEnd();
  }

  private checkLive(): void {
    if (!this.over.signal.aborted) return;
    const { message } = this.over.signal.reason as Error;
    throw new ClientError({ code: "CLIENT_CLOSED", outcome: "not-applied", message });
  }

  private end(why: string): void {
    for (const { cancelRenewal } of this.held.values()) cancelRenewal();
    this.cancelEnd();
    this.over.abort(new Error(why));
  }
}

/** A key before its first write, until which it cannot run out. */
const NEVER_WRITTEN = {
  stored: undefined,
  unsure: [],
  endsAtMs: Number.POSITIVE_INFINITY,
} as const;

function newKey(key: Key): LeasedKey {
  return { key, ...NEVER_WRITTEN, turn: Promise.resolve(), puts: 0, cancelRenewal: nothing };
}

function overloaded(message: string): ClientError {
  return new ClientError({ code: "CLIENT_OVERLOADED", outcome: "not-applied", message });
}

function nameOf(key: Key): string {
  return Buffer.from(keyToBytes(key)).toString("latin1");
}

function areEqual(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.from(left).equals(right);
}

function nothing(): void {}
