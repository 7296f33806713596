/** Commands of every sort that a shard knows, always the same by their number. */
import type { ShardCommand } from "../../src/shard/shard-command.js";

const KEYSPACE = 1;
const SESSION = Buffer.from("session-1");
const KEYS = 6;

function key(number: number): Buffer {
  return Buffer.from(`key-${number % KEYS}`);
}

const SORTS: readonly ((number: number) => ShardCommand["body"])[] = [
  () => ({ type: "open-session", sessionId: SESSION, idleTimeoutMs: 60_000 }),
  (number) => ({
    type: "put",
    keyspace: KEYSPACE,
    key: key(number),
    value: Buffer.from(`value ${number}`),
    ttlMs: number % 2 === 0 ? 0 : 25,
  }),
  (number) => ({
    type: "increment",
    keyspace: KEYSPACE,
    key: Buffer.from("n"),
    delta: number,
    ttlMs: 0,
  }),
  (number) => ({
    type: "batch",
    keyspace: KEYSPACE,
    operations: [
      { type: "put", key: key(number), value: Buffer.from("batch"), ttlMs: 40 },
      { type: "delete", key: key(number + 1) },
      { type: "put", key: key(number + 2), value: Buffer.alloc(300, number), ttlMs: 0 },
    ],
  }),
  (number) => ({
    type: "compare-and-set",
    keyspace: KEYSPACE,
    key: key(number),
    expected:
      number % 3 === 0 ? { type: "absent", absent: true } : { type: "absent", absent: false },
    newValue: number % 4 === 0 ? undefined : Buffer.from(`cas ${number}`),
    ttlMs: 15,
  }),
  (number) => ({ type: "delete", keyspace: KEYSPACE, key: key(number) }),
  (number) => ({
    type: "txn",
    keyspace: KEYSPACE,
    responseBytes: 1 << 20,
    compares: [{ type: "exists", operator: "equal", key: key(number), exists: number % 2 === 0 }],
    then: [
      { type: "get", key: key(number) },
      { type: "put", key: key(number + 3), value: Buffer.from("then"), ttlMs: 10 },
      { type: "get", key: key(number + 3) },
    ],
    otherwise: [{ type: "delete", key: key(number + 1) }],
  }),
  () => ({ type: "expire" }),
  (number) => ({
    type: "put",
    keyspace: 7,
    key: key(number),
    value: Buffer.from("other"),
    ttlMs: 0,
  }),
  () => ({ type: "checksum" }),
  () => ({ type: "drop-keyspace", keyspace: 7 }),
];

/** Times go on by 10 ms, and back now and then, as those of another leader might. */
export function commandOfEverySort(number: number): ShardCommand {
  const body = (SORTS[number % SORTS.length] ?? SORTS[1])?.(number);
  if (body === undefined) throw new Error("there are sorts");
  const isUsers = ![
    "open-session",
    "close-session",
    "expire",
    "drop-keyspace",
    "checksum",
  ].includes(body.type);
  const sequence = 1 + number - (number % 3);
  return {
    body,
    atMs: 1_700_000_000_000 + number * 10 - (number % 5) * 12,
    writeId:
      isUsers && number % 2 === 0
        ? { sessionId: SESSION, sequence, acknowledgedBelow: Math.max(0, sequence - 9) }
        : undefined,
  };
}
