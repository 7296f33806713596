/** What each call with one request and one answer does. All are synchronous, and throw a Refusal for what they do not do. */
import { randomBytes } from "node:crypto";
import { Consistency, type ReadOptions } from "@titan/proto";
import type { UnaryCalls } from "../ports.js";
import { toFound } from "./key-values.js";
import type { MemoryCluster } from "./memory-cluster.js";
import { txn } from "./memory-txn.js";
import { batch, compareAndSet, increment, type MemoryState, put, remove } from "./memory-writes.js";
import { invalidField } from "./refusal.js";
import { checkKey } from "./request-limits.js";

/** By method. */
export type MemoryCalls = {
  readonly [Method in keyof UnaryCalls]: (request: UnaryCalls[Method][0]) => UnaryCalls[Method][1];
};

const SESSION_ID_BYTES = 16;
const DEFAULT_SESSION_IDLE_MS = 60_000;
const LEAST_SESSION_IDLE_MS = 1_000;
const LONGEST_SESSION_IDLE_MS = 24 * 3_600_000;

export function createMemoryCalls(state: MemoryState, cluster: MemoryCluster): MemoryCalls {
  const { store, keyspaces } = state;
  return {
    put: (request) => put(state, request),
    delete: (request) => remove(state, request),
    batch: (request) => batch(state, request),
    compareAndSet: (request) => compareAndSet(state, request),
    increment: (request) => increment(state, request),
    txn: (request) => txn(state, request),
    get({ key, keyspace: name, read }) {
      const { number } = keyspaces.get(name);
      checkRead(read);
      checkKey(key, state.limits);
      const shard = store.shardOf(key);
      const from = { shard: shard.number, shardRevision: shard.revision };
      return toFound(store.table(number).get(key), from, store.nowMs());
    },
    openSession({ idleTimeoutMs: askedMs }) {
      if (askedMs > LONGEST_SESSION_IDLE_MS) {
        const problem = `${askedMs} is more than ${LONGEST_SESSION_IDLE_MS}`;
        throw invalidField("idle_timeout_ms", problem);
      }
      const idleTimeoutMs = Math.max(LEAST_SESSION_IDLE_MS, askedMs || DEFAULT_SESSION_IDLE_MS);
      const sessionId = randomBytes(SESSION_ID_BYTES);
      for (const { sessions } of store.shards) sessions.open(sessionId, idleTimeoutMs);
      return { sessionId, idleTimeoutMs };
    },
    closeSession({ sessionId }) {
      for (const { sessions } of store.shards) sessions.close(sessionId);
      return {};
    },
    listKeyspaces: () => ({
      keyspaces: keyspaces.list().map(({ name, defaultTtlMs }) => ({ name, defaultTtlMs })),
    }),
    createKeyspace({ keyspace }) {
      keyspaces.create(keyspace?.name ?? "", keyspace?.defaultTtlMs ?? 0);
      return {};
    },
    dropKeyspace({ name }) {
      store.drop(keyspaces.drop(name).number);
      return {};
    },
    getStatus: () => cluster.status(),
    getClusterMap: () => cluster.map(),
    leave: (request) => cluster.leave(request),
    transferLeader: (request) => cluster.transferLeader(request),
    setBalancer: (request) => cluster.setBalancer(request),
  };
}

/** A single node is never behind itself: a stale read is as fresh as any. */
function checkRead(read: ReadOptions | undefined): void {
  const known: readonly number[] = Object.values(Consistency);
  if (read === undefined || known.includes(read.consistency)) return;
  throw invalidField("read.consistency", `${String(read.consistency)} is not known`);
}
