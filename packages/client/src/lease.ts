/**
 * Leases: keys that go when their owner does. Each key of a lease has a time to live that the client renews as long as its
 * process runs; nobody renews it when that is gone.
 *
 * What it guarantees: a key of a lease is gone at most `ttlMs` after its owner's last renewal, and sooner where the owner
 * revokes the lease. What it does not: that the owner is alive as long as the key is there, or that a paused owner knows that
 * its keys are gone; `signal` fires as soon as its process can tell. Renewing costs a write for each key, three times in
 * `ttlMs`: for thousands of keys give each owner one key, and let the others name it.
 */
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
   * Stores `value` for as long as the lease lives, replacing what was there.
   * @throws ClientError `CLIENT_OVERLOADED` beyond 1,024 keys; `CLIENT_CLOSED` once it is over; those of a put. After an
   *   outcome that is unknown the key may be there until `ttlMs` are over.
   */
  put(key: Key, value: V, options?: CallOptions): Promise<WriteResult>;
  /** Removes a key of the lease, unless somebody else wrote it since. @returns whether it was there and its own */
  delete(key: Key, options?: CallOptions): Promise<boolean>;
  /** Removes all its keys and ends it. Idempotent. Rejects with the first ClientError; what is left goes with its time to live. */
  revoke(): Promise<void>;
}

export const MOST_LEASE_KEYS = 1_024;
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

interface LeasedKey {
  readonly key: Key;
  value: Uint8Array;
  /** Of its last write; undefined when it is not known whether that happened. */
  revision: number | undefined;
  /** Monotonic: it certainly is there until then, unless somebody else removes it. */
  endsAtMs: number;
  /** Its writes follow each other. Never rejects. */
  turn: Promise<unknown>;
}

export class RenewedLease<V> implements Lease<V> {
  private readonly held = new Map<string, LeasedKey>();
  private readonly over = new AbortController();
  /** Undefined while none is due. */
  private cancelRenewal: (() => void) | undefined;
  private isRenewing = false;
  private cancelEnd: () => void = nothing;
  private revoking: Promise<void> | undefined;

  constructor(
    readonly ttlMs: number,
    private readonly deps: LeaseDeps<V>,
  ) {}

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
    const leased = this.held.get(name) ?? this.admit(name, key, bytes);
    return this.inTurn(leased, () => this.write(name, leased, bytes, options));
  }

  async delete(key: Key, options?: CallOptions): Promise<boolean> {
    const name = nameOf(key);
    this.checkLive();
    const leased = this.held.get(name);
    if (leased === undefined) return false;
    return this.inTurn(leased, async () => {
      this.drop(name);
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

  private async write(
    name: string,
    leased: LeasedKey,
    value: Uint8Array,
    options: CallOptions | undefined,
  ): Promise<WriteResult> {
    const { calls, clock } = this.deps;
    const before = { value: leased.value, revision: leased.revision };
    if (this.over.signal.aborted) this.drop(name);
    this.checkLive();
    const askedAtMs = clock.monotonicMs();
    leased.value = value;
    leased.revision = undefined;
    try {
      const written = await calls.put(leased.key, value, { ...options, ttlMs: this.ttlMs });
      this.renewed(leased, written.revision, askedAtMs);
      return written;
    } catch (error) {
      // The next renewal finds out.
      if (isClientError(error) && error.outcome === "unknown") this.renewInTime();
      // What an earlier try may have left goes with its time to live.
      else if (before.revision === undefined) this.drop(name);
      else Object.assign(leased, before);
      throw error;
    }
  }

  private async remove(leased: LeasedKey, options?: CallOptions): Promise<boolean> {
    const { key, value, revision } = leased;
    const expected = revision === undefined ? { value } : { revision };
    const { applied } = await this.deps.calls.cas(key, { expected, remove: true }, options);
    return applied;
  }

  private async removeAll(): Promise<void> {
    if (!this.over.signal.aborted) this.end("the lease was revoked");
    const removals = [...this.held.values()].map((leased) =>
      this.inTurn(leased, () => this.remove(leased)),
    );
    this.held.clear();
    const results = await Promise.allSettled(removals);
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  private renewed(leased: LeasedKey, revision: number, askedAtMs: number): void {
    leased.revision = revision;
    leased.endsAtMs = askedAtMs + this.ttlMs * TRUSTED_SHARE;
    this.armEnd();
    this.renewInTime();
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

  /** Sees to it that a renewal of all is due. Writes do not put it off. */
  private renewInTime(delayMs = this.ttlMs / RENEWALS): void {
    const isDue = this.isRenewing || this.cancelRenewal !== undefined;
    if (isDue || this.over.signal.aborted || this.held.size === 0) return;
    this.cancelRenewal = this.deps.clock.schedule(delayMs, () => {
      this.cancelRenewal = undefined;
      void this.renewAll();
    });
  }

  private async renewAll(): Promise<void> {
    this.isRenewing = true;
    const renewals = [...this.held].map(([name, leased]) =>
      this.inTurn(leased, () => this.renew(name, leased)),
    );
    const results = await Promise.allSettled(renewals);
    this.isRenewing = false;
    if (this.over.signal.aborted) return;
    const closed = results.find(
      (result) =>
        result.status === "rejected" &&
        isClientError(result.reason) &&
        result.reason.code === "CLIENT_CLOSED",
    );
    if (closed !== undefined) this.end("the client is closed");
    else if (results.some(({ status }) => status === "rejected")) this.renewInTime(RETRY_MS);
    else this.renewInTime();
  }

  private async renew(name: string, leased: LeasedKey): Promise<void> {
    if (this.over.signal.aborted || this.held.get(name) !== leased) return;
    const { calls, clock } = this.deps;
    const { key, value } = leased;
    const askedAtMs = clock.monotonicMs();
    const options = {
      timeoutMs: Math.max(1, Math.ceil(this.ttlMs / RENEWALS)),
      signal: this.signal,
    };
    const revision = leased.revision ?? (await this.ownRevision(leased, options));
    if (revision === undefined) {
      this.drop(name);
      return;
    }
    leased.revision = undefined;
    const request = { expected: { revision }, value, ttlMs: this.ttlMs };
    try {
      const result = await calls.cas(key, request, options);
      if (result.applied) this.renewed(leased, result.revision, askedAtMs);
      else this.drop(name);
    } catch (error) {
      if (isClientError(error) && error.outcome === "not-applied") leased.revision = revision;
      throw error;
    }
  }

  /** After a write of which nobody knows whether it happened: the revision of the key, if it still is as was written. */
  private async ownRevision(
    { key, value }: LeasedKey,
    options: CallOptions,
  ): Promise<number | undefined> {
    const entry = await this.deps.calls.getEntry(key, options);
    return entry !== undefined && areEqual(entry.value, value) ? entry.revision : undefined;
  }

  private inTurn<Result>(leased: LeasedKey, work: () => Promise<Result>): Promise<Result> {
    const done = leased.turn.then(work);
    leased.turn = done.catch(nothing);
    return done;
  }

  private admit(name: string, key: Key, value: Uint8Array): LeasedKey {
    if (this.held.size >= MOST_LEASE_KEYS) {
      throw new ClientError({
        code: "CLIENT_OVERLOADED",
        outcome: "not-applied",
        message: `a lease keeps at most ${MOST_LEASE_KEYS} keys`,
      });
    }
    // Until its first write is answered it cannot run out.
    const endsAtMs = Number.POSITIVE_INFINITY;
    const leased = { key, value, revision: undefined, endsAtMs, turn: Promise.resolve() };
    this.held.set(name, leased);
    return leased;
  }

  private drop(name: string): void {
    this.held.delete(name);
    this.armEnd();
  }

  private checkLive(): void {
    if (!this.over.signal.aborted) return;
    const { message } = this.over.signal.reason as Error;
    throw new ClientError({ code: "CLIENT_CLOSED", outcome: "not-applied", message });
  }

  private end(why: string): void {
    this.cancelRenewal?.();
    this.cancelRenewal = undefined;
    this.cancelEnd();
    this.over.abort(new Error(why));
  }
}

function nameOf(key: Key): string {
  return Buffer.from(keyToBytes(key)).toString("latin1");
}

function areEqual(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.from(left).equals(right);
}

function nothing(): void {}
