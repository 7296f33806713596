import { describe, expect, test } from "vitest";
import { CallScope } from "../src/call-scope.js";
import { ClientError } from "../src/errors.js";
import type { CasRequest, CasResult, KeyWatchEvent } from "../src/index.js";
import { acquire, type Lock, type LockCalls, tryAcquire } from "../src/lock.js";
import { seeded } from "./fakes/fake-transport.js";
import { settle, VirtualClock } from "./fakes/virtual-clock.js";

const TTL_MS = 10_000;
const KEY = "lock";
const REQUEST = { key: KEY, ttlMs: TTL_MS };

/** A store of one key that expires, and tells of it; its calls can be made to fail. */
class Store {
  readonly clock = new VirtualClock();
  /** Fates of the next calls: fails before it does something, or behind it, or is not answered until it is aborted. */
  readonly fates: ("before" | "behind" | "closed" | "silence")[] = [];
  calls = 0;
  /** Nobody is told of changes. */
  isMute = false;
  private revision = 0;
  private held: { value: string; revision: number; endsAtMs: number } | undefined;
  private readonly watchers = new Set<(event: KeyWatchEvent) => void>();

  get owner(): string | undefined {
    this.expire();
    return this.held?.value;
  }

  /** As an operator would. */
  remove(): void {
    this.held = undefined;
    this.tell("delete");
  }

  client(): LockCalls {
    return {
      cas: (_key, request, options) => this.cas(request, options?.signal),
      watch: () => this.watch(),
    } as LockCalls;
  }

  private async cas(
    request: CasRequest<string>,
    signal: AbortSignal | undefined,
  ): Promise<CasResult<string>> {
    this.calls += 1;
    await settle();
    const fate = this.fates.shift();
    if (fate === "silence") {
      await new Promise((resolve) => signal?.addEventListener("abort", resolve));
      throw new ClientError({ code: "CLIENT_ABORTED", outcome: "unknown", message: fate });
    }
    if (fate === "before" || fate === "closed") throw failure(fate);
    const result = this.apply(request);
    if (fate === "behind") throw failure(fate);
    return result;
  }

  private apply(request: CasRequest<string>): CasResult<string> {
    this.expire();
    const { expected } = request;
    const isMet =
      expected === "absent"
        ? this.held === undefined
        : typeof expected === "object" &&
          "value" in expected &&
          this.held?.value === expected.value;
    if (!isMet) {
      if (this.held === undefined) return { applied: false, current: undefined };
      const { value, revision, endsAtMs } = this.held;
      const ttlMs = endsAtMs - this.clock.monotonicMs();
      return { applied: false, current: { key: KEY, value, revision, ttlMs } };
    }
    this.revision += 1;
    if (request.remove === true) this.remove();
    else {
      const endsAtMs = this.clock.monotonicMs() + (request.ttlMs ?? 0);
      this.held = { value: request.value, revision: this.revision, endsAtMs };
    }
    return { applied: true, revision: this.revision };
  }

  private expire(): void {
    if (this.held !== undefined && this.held.endsAtMs <= this.clock.monotonicMs()) {
      this.held = undefined;
      this.tell("expire");
    }
  }

  private tell(type: "delete" | "expire"): void {
    if (this.isMute) return;
    const event = { type, shard: 0, key: KEY, revision: this.revision } as const;
    for (const watcher of this.watchers) watcher(event);
  }

  private watch() {
    const events: KeyWatchEvent[] = [{ type: "progress", position: [] }];
    let wake = (): void => {};
    const state = { isOver: false };
    const watcher = (event: KeyWatchEvent): void => {
      events.push(event);
      wake();
    };
    this.watchers.add(watcher);
    const end = (): void => {
      state.isOver = true;
      this.watchers.delete(watcher);
      wake();
    };
    const next = async (): Promise<IteratorResult<KeyWatchEvent>> => {
      while (events.length === 0 && !state.isOver) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const value = events.shift();
      return value === undefined || state.isOver ? { done: true, value: undefined } : { value };
    };
    return {
      next,
      return: async () => {
        end();
        return { done: true as const, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}

function failure(fate: "before" | "behind" | "closed"): ClientError {
  const code = fate === "closed" ? "CLIENT_CLOSED" : "CLIENT_UNAVAILABLE";
  return new ClientError({ code, outcome: "unknown", message: fate });
}

function deps(store: Store, seed = 1) {
  return { calls: store.client(), clock: store.clock, random: seeded(seed) };
}

const scopes: CallScope[] = [];

function scopeOf(store: Store, timeoutMs = 60_000, signal?: AbortSignal): CallScope {
  const scope = new CallScope(store.clock, timeoutMs, signal, new Set());
  scopes.push(scope);
  return scope;
}

/** Timers beside those of the scopes, which the client finishes. */
function pending(store: Store): number {
  for (const scope of scopes.splice(0)) scope.finish();
  return store.clock.pending;
}

/** Lets time pass until the promise has settled. */
async function within<T>(promise: Promise<T>, clock: VirtualClock, mostMs = 120_000): Promise<T> {
  const state = { isSettled: false };
  promise.then(
    () => {
      state.isSettled = true;
    },
    () => {
      state.isSettled = true;
    },
  );
  for (let passed = 0; !state.isSettled; passed += 10) {
    if (passed > mostMs) throw new Error("never");
    await clock.advance(10);
    await settle();
  }
  return promise;
}

function take(store: Store, seed: number, timeoutMs?: number): Promise<Lock> {
  return within(acquire(REQUEST, scopeOf(store, timeoutMs), deps(store, seed)), store.clock);
}

describe("a lock", () => {
  test("is held by one, and renewed until it is released", async () => {
    const store = new Store();
    const lock = await take(store, 1);
    expect(
      await within(tryAcquire(REQUEST, scopeOf(store), deps(store, 2)), store.clock),
    ).toBeUndefined();
    await store.clock.advance(10 * TTL_MS);
    expect(lock.signal.aborted).toBe(false);
    expect(store.owner).toBeDefined();
    await within(lock.release(), store.clock);
    expect(store.owner).toBeUndefined();
    expect(lock.signal.aborted).toBe(true);
    const next = await take(store, 2);
    expect(next.token).toBeGreaterThan(lock.token);
  });

  test("goes on to who waits for it as soon as it is free", async () => {
    const store = new Store();
    const lock = await take(store, 1);
    const waiting = acquire(REQUEST, scopeOf(store), deps(store, 2));
    await store.clock.advance(2_000);
    const callsBefore = store.calls;
    await store.clock.advance(2_000);
    // Those that renew it, and no more.
    expect(store.calls - callsBefore).toBeLessThanOrEqual(1);
    const atMs = store.clock.monotonicMs();
    await within(lock.release(), store.clock);
    await within(waiting, store.clock);
    expect(store.clock.monotonicMs() - atMs).toBeLessThan(500);
  });

  test("asks now and then only while the key holds something that lives for years", async () => {
    const store = new Store();
    const other = { expected: "absent", value: "another use", ttlMs: 365 * 86_400_000 } as const;
    await within(store.client().cas(KEY, other), store.clock);
    const waiting = acquire(REQUEST, scopeOf(store, 10_000), deps(store, 2));
    waiting.catch(() => undefined);
    const callsBefore = store.calls;
    for (let step = 0; step < 50; step += 1) await store.clock.advance(100);
    expect(store.calls - callsBefore).toBeLessThan(5);
    await expect(within(waiting, store.clock)).rejects.toMatchObject({ code: "CLIENT_TIMEOUT" });
  });

  test("says that time is up when that comes while nobody answers", async () => {
    const store = new Store();
    store.fates.push("silence");
    const waiting = acquire(REQUEST, scopeOf(store, 3_000), deps(store, 1));
    await expect(within(waiting, store.clock)).rejects.toMatchObject({ code: "CLIENT_TIMEOUT" });
  });

  test("is free when its holder is gone for its lease, though nobody tells of that", async () => {
    const store = new Store();
    store.isMute = true;
    const lock = await take(store, 1);
    store.fates.push(...Array.from({ length: 1_000 }, () => "before" as const));
    const lostAtMs = new Promise<number>((resolve) => {
      lock.signal.addEventListener("abort", () => resolve(store.clock.monotonicMs()));
    });
    await store.clock.advance(TTL_MS + 1);
    expect(await lostAtMs).toBeLessThanOrEqual(TTL_MS + 10);
    expect(String(lock.signal.reason)).toContain("could not be renewed in time");
    store.fates.length = 0;
    const next = await take(store, 2);
    expect(next.token).toBeGreaterThan(lock.token);
    expect(lock.signal.aborted).toBe(true);
  });

  test("is lost when somebody takes it away, or the client closes", async () => {
    const store = new Store();
    const lock = await take(store, 1);
    store.remove();
    await store.clock.advance(TTL_MS / 2);
    expect(String(lock.signal.reason)).toContain("somebody took it away");
    const other = await take(store, 2);
    store.fates.push("closed");
    await store.clock.advance(TTL_MS / 2);
    expect(String(other.signal.reason)).toContain("the client is closed");
    expect(pending(store)).toBe(0);
  });

  test("is trusted no longer than the lease that an earlier try began, whose answer was lost", async () => {
    const store = new Store();
    const failures = Array.from({ length: 40 }, () => "before" as const);
    store.fates.push("behind", ...failures);
    const lock = await take(store, 1);
    expect(store.clock.monotonicMs()).toBeGreaterThan(TTL_MS / 3);
    store.fates.push(...Array.from({ length: 1_000 }, () => "before" as const));
    const lostAtMs = new Promise<number>((resolve) => {
      lock.signal.addEventListener("abort", () => resolve(store.clock.monotonicMs()));
    });
    await store.clock.advance(2 * TTL_MS);
    expect(await lostAtMs).toBeLessThan(TTL_MS);
  });

  test("is renewed in time by such a holder", async () => {
    const store = new Store();
    store.fates.push("behind", ...Array.from({ length: 40 }, () => "before" as const));
    const lock = await take(store, 1);
    await store.clock.advance(5 * TTL_MS);
    expect(lock.signal.aborted).toBe(false);
  });

  test("whose answer was lost is ours", async () => {
    const store = new Store();
    store.fates.push("behind", "before");
    const lock = await take(store, 1);
    expect(lock.token).toBe(1);
    expect(store.calls).toBe(3);
  });
});

describe("the wait for it ends", () => {
  test("with its deadline, and leaves nothing behind", async () => {
    const store = new Store();
    const lock = await take(store, 1);
    const waiting = acquire(REQUEST, scopeOf(store, 3_000), deps(store, 2));
    waiting.catch(() => undefined);
    await expect(within(waiting, store.clock)).rejects.toMatchObject({ code: "CLIENT_TIMEOUT" });
    await within(lock.release(), store.clock);
    expect(pending(store)).toBe(0);
  });

  test("when it is aborted, or a call fails in a way that stays", async () => {
    const store = new Store();
    const lock = await take(store, 1);
    const controller = new AbortController();
    const scope = scopeOf(store, 60_000, controller.signal);
    const waiting = acquire(REQUEST, scope, deps(store, 2));
    waiting.catch(() => undefined);
    await store.clock.advance(100);
    controller.abort();
    await expect(within(waiting, store.clock)).rejects.toMatchObject({ code: "CLIENT_ABORTED" });
    await within(lock.release(), store.clock);
  });
});
