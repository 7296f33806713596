/** Leases, against a store whose time is the test's and whose answers can be lost. */
import { beforeEach, describe, expect, test } from "vitest";
import { ClientError } from "../src/errors.js";
import type { CasRequest } from "../src/index.js";
import { type LeaseCalls, MOST_LEASE_KEYS, MOST_LEASE_PUTS, RenewedLease } from "../src/lease.js";
import { VirtualClock } from "./fakes/virtual-clock.js";

const TTL_MS = 9_000;

interface Stored {
  readonly value: Uint8Array;
  readonly revision: number;
  readonly endsAtMs: number;
}

class Store {
  readonly clock = new VirtualClock();
  /** Fates of the next calls: fails before it does something, or behind it, or for good. */
  readonly fates: ("before" | "behind" | "refused" | "closed" | "hangs" | "done")[] = [];
  writes = 0;
  private revision = 0;
  private readonly stored = new Map<string, Stored>();

  readonly calls = {
    put: async (key: string, value: Uint8Array, { ttlMs = 0 } = {}) =>
      this.answer(() => ({ revision: this.put(key, value, ttlMs) })),
    getEntry: async (key: string) =>
      this.answer(() => {
        const entry = this.entry(key);
        return entry && { key, ...entry };
      }),
    cas: async (key: string, request: CasRequest<Uint8Array>) =>
      this.answer(() => this.cas(key, request)),
  } as unknown as LeaseCalls;

  /** As somebody else would. */
  put(key: string, value: Uint8Array, ttlMs = 1e9): number {
    this.writes += 1;
    this.revision += 1;
    const endsAtMs = this.clock.monotonicMs() + ttlMs;
    this.stored.set(key, { value, revision: this.revision, endsAtMs });
    return this.revision;
  }

  valueOf(key: string): string | undefined {
    const entry = this.entry(key);
    return entry && Buffer.from(entry.value).toString();
  }

  private entry(key: string): Stored | undefined {
    const entry = this.stored.get(key);
    return entry !== undefined && entry.endsAtMs > this.clock.monotonicMs() ? entry : undefined;
  }

  private cas(key: string, { expected, value, ttlMs }: CasRequest<Uint8Array>) {
    const entry = this.entry(key);
    if (typeof expected !== "object") throw new Error("not of a lease");
    const isMet =
      "revision" in expected
        ? entry?.revision === expected.revision
        : entry !== undefined && Buffer.from(entry.value).equals(expected.value);
    if (!isMet) return { applied: false };
    if (value !== undefined) return { applied: true, revision: this.put(key, value, ttlMs) };
    this.stored.delete(key);
    return { applied: true, revision: this.revision };
  }

  private async answer<Result>(work: () => Result): Promise<Result> {
    const fate = this.fates.shift() ?? "done";
    if (fate === "hangs") return new Promise(() => {});
    if (fate === "before") throw failed("unknown");
    if (fate === "refused") throw failed("not-applied");
    if (fate === "closed") throw failed("unknown", "CLIENT_CLOSED");
    const result = work();
    if (fate === "behind") throw failed("unknown");
    return result;
  }
}

function failed(
  outcome: "unknown" | "not-applied",
  code: "CLIENT_TIMEOUT" | "CLIENT_CLOSED" = "CLIENT_TIMEOUT",
): ClientError {
  return new ClientError({ code, outcome, message: "as the test wants it" });
}

let store: Store;
let lease: RenewedLease<string>;

beforeEach(() => {
  store = new Store();
  lease = leaseOf();
});

function leaseOf(): RenewedLease<string> {
  const { calls, clock } = store;
  return new RenewedLease<string>(TTL_MS, { calls, clock, encode: (text) => Buffer.from(text) });
}

/** As if its process had ended. */
function forsake(): void {
  store.fates.push(...Array.from({ length: 1_000 }, () => "before" as const));
}

describe("a lease", () => {
  test("keeps its keys as long as its owner is there, and no longer", async () => {
    await lease.put("a", "1");
    await lease.put("b", "2");
    await store.clock.advance(60_000);
    expect([store.valueOf("a"), store.valueOf("b")]).toEqual(["1", "2"]);
    forsake();
    await store.clock.advance(TTL_MS);
    expect([store.valueOf("a"), store.valueOf("b")]).toEqual([undefined, undefined]);
    expect(lease.signal.aborted).toBe(true);
  });

  test("its owner knows that the keys may be gone before they are", async () => {
    await lease.put("a", "1");
    forsake();
    const gone = { atMs: 0 };
    lease.signal.addEventListener("abort", () => {
      gone.atMs = store.clock.monotonicMs();
      expect(store.valueOf("a")).toBe("1");
    });
    await store.clock.advance(60_000);
    expect(gone.atMs).toBeLessThan(TTL_MS);
  });

  test("renews each key three times within its time to live, however often others are written", async () => {
    await lease.put("a", "1");
    for (let turn = 0; turn < 100; turn += 1) {
      await store.clock.advance(TTL_MS / 10);
      await lease.put("b", `${turn}`);
    }
    expect(store.valueOf("a")).toBe("1");
    expect(lease.signal.aborted).toBe(false);
  });

  test("rides out answers that are lost, whether the renewal happened or not", async () => {
    await lease.put("a", "1");
    store.fates.push("before", "behind", "refused");
    await store.clock.advance(TTL_MS * 10);
    expect(store.valueOf("a")).toBe("1");
    expect(lease.signal.aborted).toBe(false);
  });

  test("leaves a key to whoever wrote it since, and keeps the others", async () => {
    await lease.put("a", "1");
    await lease.put("b", "2");
    store.put("a", Buffer.from("another's"));
    await store.clock.advance(TTL_MS);
    expect(lease.keys).toEqual(["b"]);
    await lease.revoke();
    expect([store.valueOf("a"), store.valueOf("b")]).toEqual(["another's", undefined]);
  });

  test("leaves a key to whoever wrote it while the answer to its own renewal was lost", async () => {
    await lease.put("a", "1");
    store.fates.push("before");
    await store.clock.advance(TTL_MS / 3);
    store.put("a", Buffer.from("another's"));
    await store.clock.advance(TTL_MS);
    expect(lease.keys).toEqual([]);
    expect(store.valueOf("a")).toBe("another's");
  });

  test("keeps the newest value of a key that is written while it is renewed", async () => {
    await lease.put("a", "1");
    const renewal = store.clock.advance(TTL_MS / 3);
    await lease.put("a", "2");
    await renewal;
    await store.clock.advance(TTL_MS * 2);
    expect(store.valueOf("a")).toBe("2");
  });

  test("keeps a key whose first write was answered to nobody, if it happened", async () => {
    store.fates.push("behind");
    await expect(lease.put("a", "1")).rejects.toMatchObject({ outcome: "unknown" });
    await store.clock.advance(TTL_MS * 2);
    expect([lease.keys, store.valueOf("a")]).toEqual([["a"], "1"]);
  });

  test("does not count a key that was certainly not written", async () => {
    store.fates.push("refused");
    await expect(lease.put("a", "1")).rejects.toMatchObject({ outcome: "not-applied" });
    expect(lease.keys).toEqual([]);
    expect(store.clock.pending).toBe(0);
  });

  test("keeps its value when a later write certainly did not happen", async () => {
    await lease.put("a", "1");
    store.fates.push("refused");
    await expect(lease.put("a", "2")).rejects.toMatchObject({ outcome: "not-applied" });
    await store.clock.advance(TTL_MS * 2);
    expect(store.valueOf("a")).toBe("1");
  });

  test("keeps its old value when a later write was answered to nobody and did not happen", async () => {
    await lease.put("a", "1");
    store.fates.push("before");
    await expect(lease.put("a", "2")).rejects.toMatchObject({ outcome: "unknown" });
    await store.clock.advance(TTL_MS * 2);
    expect([lease.keys, store.valueOf("a")]).toEqual([["a"], "1"]);
    store.fates.push("behind");
    await expect(lease.put("a", "3")).rejects.toMatchObject({ outcome: "unknown" });
    await store.clock.advance(TTL_MS * 2);
    expect([lease.keys, store.valueOf("a")]).toEqual([["a"], "3"]);
    await lease.revoke();
    expect(store.valueOf("a")).toBeUndefined();
  });

  test("keeps its value when a write is refused while it is not known what its renewal came to", async () => {
    await lease.put("a", "1");
    store.fates.push("before", "refused");
    await store.clock.advance(TTL_MS / 3);
    await expect(lease.put("a", "2")).rejects.toMatchObject({ outcome: "not-applied" });
    await store.clock.advance(TTL_MS * 2);
    expect([lease.keys, store.valueOf("a")]).toEqual([["a"], "1"]);
  });

  test("takes a key in anew that what came before its put took out", async () => {
    await lease.put("a", "1");
    await Promise.all([lease.delete("a"), lease.put("a", "2")]);
    store.fates.push("refused");
    await Promise.allSettled([lease.put("b", "1"), lease.put("b", "2")]);
    await store.clock.advance(TTL_MS * 2);
    expect(lease.keys).toEqual(["a", "b"]);
    expect([store.valueOf("a"), store.valueOf("b")]).toEqual(["2", "2"]);
    await lease.revoke();
    expect([store.valueOf("a"), store.valueOf("b")]).toEqual([undefined, undefined]);
  });

  test("renews its keys while a write of another one hangs", async () => {
    await lease.put("a", "1");
    store.fates.push("hangs");
    void lease.put("b", "1");
    await store.clock.advance(TTL_MS * 3);
    expect([lease.signal.aborted, store.valueOf("a")]).toEqual([false, "1"]);
  });

  test("removes its keys when it is revoked, and takes none afterwards", async () => {
    await lease.put("a", "1");
    await lease.put("b", "2");
    expect(await lease.delete("b")).toBe(true);
    expect(await lease.delete("c")).toBe(false);
    await Promise.all([lease.revoke(), lease.revoke()]);
    expect([store.valueOf("a"), store.valueOf("b")]).toEqual([undefined, undefined]);
    expect(store.clock.pending).toBe(0);
    await expect(lease.put("a", "1")).rejects.toMatchObject({
      ...{ code: "CLIENT_CLOSED", outcome: "not-applied" },
    });
  });

  test("leaves nothing of a put that was under way when it was revoked", async () => {
    await Promise.allSettled([lease.put("a", "1"), lease.revoke()]);
    expect(store.valueOf("a")).toBeUndefined();
  });

  test("ends with its client, without waiting for its keys to run out", async () => {
    await lease.put("a", "1");
    store.fates.push("closed");
    await store.clock.advance(TTL_MS / 3);
    expect(lease.signal.aborted).toBe(true);
    expect(store.clock.pending).toBe(0);
  });

  test("lets no more puts of a key wait than its bound, and takes others again", async () => {
    store.fates.push("hangs");
    const waiting = Array.from({ length: MOST_LEASE_PUTS }, () => lease.put("a", "v"));
    for (const put of waiting) put.catch(() => undefined);
    await expect(lease.put("a", "v")).rejects.toMatchObject({
      ...{ code: "CLIENT_OVERLOADED", outcome: "not-applied" },
    });
    await lease.put("b", "v");
    store.fates.push("refused");
    for (let turn = 0; turn < 2 * MOST_LEASE_PUTS; turn += 1) {
      await lease.put("b", `${turn}`).catch(() => undefined);
    }
    await lease.put("b", "the last one");
    expect(store.valueOf("b")).toBe("the last one");
    expect(lease.keys).toEqual(["a", "b"]);
  });

  test("keeps no more than its bound of keys", async () => {
    const keys = Array.from({ length: MOST_LEASE_KEYS }, (_, at) => `${at}`);
    await Promise.all(keys.map((key) => lease.put(key, "v")));
    await expect(lease.put("one more", "v")).rejects.toMatchObject({ code: "CLIENT_OVERLOADED" });
    await lease.put("7", "again");
    expect(lease.keys).toHaveLength(MOST_LEASE_KEYS);
  });
});
