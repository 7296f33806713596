/** A slow, obvious twin of a shard's state machine: a map, and no store. */

import type { Entry } from "../../src/kv/entry.js";
import { toStoreKey } from "../../src/kv/keyspace.js";
import { KvError } from "../../src/kv/kv-error.js";
import type { Compare, Expectation, TxnOperation } from "../../src/kv/requests.js";
import { toRevision } from "../../src/kv/revision.js";
import type { ShardCommand, ShardWrite } from "../../src/shard/shard-command.js";

export class ModelShard {
  nowMs = 0;
  #index = 0;
  #entries = new Map<string, Entry>();

  /** What a key holds by the shard's clock. */
  get(storeKey: Buffer): Entry | undefined {
    const entry = this.#entries.get(storeKey.toString("hex"));
    return (entry?.expiresAtMs ?? Number.POSITIVE_INFINITY) <= this.nowMs ? undefined : entry;
  }

  /** @returns the result, or the code of the refusal */
  run({ body, atMs }: ShardCommand): unknown {
    this.#index += 1;
    this.nowMs = Math.max(this.nowMs, atMs);
    const before = new Map(this.#entries);
    try {
      return this.#run(body);
    } catch (error) {
      this.#entries = before;
      if (!(error instanceof KvError)) throw error;
      return error.code;
    }
  }

  #run(body: ShardCommand["body"]): unknown {
    const revision = toRevision(this.#index);
    const { nowMs } = this;
    switch (body.type) {
      case "put":
        this.#put(body.keyspace, body);
        return { type: "put", revision };
      case "delete":
        return { type: "delete", existed: this.#delete(body.keyspace, body.key), revision };
      case "batch":
        for (const one of body.operations) this.#step(body.keyspace, one);
        return { type: "batch", revision };
      case "compare-and-set": {
        const current = this.#see(body.keyspace, body.key);
        if (!this.#meets(current, body.expected)) {
          return { type: "compare-and-set", nowMs, applied: false, current };
        }
        if (body.newValue === undefined) this.#delete(body.keyspace, body.key);
        else this.#put(body.keyspace, { ...body, value: body.newValue });
        return { type: "compare-and-set", nowMs, applied: true, revision };
      }
      case "increment":
        return { type: "increment", value: this.#increment(body), revision };
      case "txn": {
        const succeeded = body.compares.every((one) => this.#holds(body.keyspace, one));
        let bytes = 0;
        const results = (succeeded ? body.then : body.otherwise).map((one) => {
          const result = this.#step(body.keyspace, one);
          if (result.type === "get") bytes += 48 + (result.entry?.value.length ?? 0);
          return result;
        });
        if (bytes > body.responseBytes) {
          throw new KvError({ code: "RESPONSE_TOO_LARGE", message: "too much" });
        }
        return { type: "txn", succeeded, results, revision, nowMs };
      }
      case "expire":
        for (const [name, entry] of this.#entries) {
          if ((entry.expiresAtMs ?? Number.POSITIVE_INFINITY) <= nowMs) this.#entries.delete(name);
        }
        return { type: "expire", isMore: false };
      case "drop-keyspace":
        for (const name of this.#entries.keys()) {
          if (name.startsWith(toStoreKey(body.keyspace, Buffer.alloc(0)).toString("hex"))) {
            this.#entries.delete(name);
          }
        }
        return { type: "drop-keyspace", isMore: false };
      case "open-session":
      case "close-session":
      case "checksum":
        throw new Error(`the model knows no ${body.type}`);
    }
  }

  #see(keyspace: number, key: Uint8Array): Entry | undefined {
    return this.get(toStoreKey(keyspace, key));
  }

  #put(
    keyspace: number,
    put: { readonly key: Uint8Array; readonly value: Uint8Array; readonly ttlMs: number },
  ): void {
    this.#entries.set(toStoreKey(keyspace, put.key).toString("hex"), {
      value: put.value,
      revision: toRevision(this.#index),
      expiresAtMs: put.ttlMs > 0 ? this.nowMs + put.ttlMs : undefined,
    });
  }

  #delete(keyspace: number, key: Uint8Array): boolean {
    const existed = this.#see(keyspace, key) !== undefined;
    if (existed) this.#entries.delete(toStoreKey(keyspace, key).toString("hex"));
    return existed;
  }

  #increment(body: Extract<ShardWrite, { readonly type: "increment" }>): number {
    const entry = this.#see(body.keyspace, body.key);
    const text = entry === undefined ? "0" : Buffer.from(entry.value).toString();
    if (!/^-?\d+$/u.test(text)) throw new KvError({ code: "NOT_A_COUNTER", message: text });
    const value = Number(text) + body.delta;
    this.#put(body.keyspace, { ...body, value: Buffer.from(String(value)) });
    if (body.ttlMs === 0 && entry?.expiresAtMs !== undefined) {
      const name = toStoreKey(body.keyspace, body.key).toString("hex");
      const stored = this.#entries.get(name);
      if (stored !== undefined)
        this.#entries.set(name, { ...stored, expiresAtMs: entry.expiresAtMs });
    }
    return value;
  }

  #step(keyspace: number, step: TxnOperation) {
    if (step.type === "get") return { type: "get" as const, entry: this.#see(keyspace, step.key) };
    if (step.type === "delete") {
      return { type: "delete" as const, existed: this.#delete(keyspace, step.key) };
    }
    this.#put(keyspace, step);
    return { type: "put" as const };
  }

  #meets(entry: Entry | undefined, expected: Expectation): boolean {
    if (expected.type === "absent") return (entry === undefined) === expected.absent;
    if (expected.type === "revision") return (entry?.revision ?? 0) === expected.revision;
    return entry !== undefined && Buffer.compare(entry.value, expected.value) === 0;
  }

  #holds(keyspace: number, compare: Compare): boolean {
    const entry = this.#see(keyspace, compare.key);
    if (compare.type === "exists") return (entry !== undefined) === compare.exists;
    if (compare.type === "value" && entry === undefined) return compare.operator === "not-equal";
    const difference =
      compare.type === "revision"
        ? (entry?.revision ?? 0) - compare.revision
        : Buffer.compare(entry?.value ?? Buffer.alloc(0), compare.value);
    if (compare.operator === "equal") return difference === 0;
    if (compare.operator === "not-equal") return difference !== 0;
    return compare.operator === "less" ? difference < 0 : difference > 0;
  }
}
