/**
 * What a node remembers of itself, in its own store: JSON under the system keyspace.
 *
 *   {"format":1,"nodeId":"…","nextRevision":n}
 *
 * `format` counts changes of the server's layout of keys and values; the store has a version of its own.
 */
import { z } from "zod";
import type { Engine } from "./kv/engine.js";
import { SYSTEM_KEYSPACE, toStoreKey } from "./kv/keyspace.js";
import { NodeError } from "./node-error.js";

/** The newest layout that this version reads, and the one that it writes. */
const FORMAT = 1;
/** Records that a serving node keeps in its store beside its users'. */
export const NODE_RECORD_COUNT = 1;
const RECORD_KEY = toStoreKey(SYSTEM_KEYSPACE, Buffer.from("node"));

const recordSchema = z.object({
  format: z.literal(FORMAT),
  nodeId: z.string().min(1),
  nextRevision: z.int().min(1),
});

/** A node's memory of itself. */
export interface NodeRecord {
  readonly nodeId: string;
  /** Above every revision handed out. */
  readonly nextRevision: number;
}

/**
 * @returns `undefined` in a store that no node has used
 * @throws NodeError `NODE_DATA_NEWER`, `NODE_DATA_DAMAGED`
 */
export function readNodeRecord(engine: Engine): NodeRecord | undefined {
  const record = engine.read(RECORD_KEY);
  if (record === undefined) return undefined;
  let content: unknown;
  try {
    content = JSON.parse(Buffer.from(record.value).toString("utf8"));
  } catch (error) {
    throw damaged(error);
  }
  const version = z.object({ format: z.int() }).safeParse(content);
  if (version.success && version.data.format > FORMAT) {
    throw new NodeError(
      "NODE_DATA_NEWER",
      `the data has layout ${version.data.format}, this version reads up to ${FORMAT}: ` +
        "run a newer titan-node; nothing was changed",
    );
  }
  const result = recordSchema.safeParse(content);
  if (!result.success) throw damaged(result.error);
  return result.data;
}

/** Resolves once the record is on stable storage, whatever the store's durability is. */
export function writeNodeRecord(engine: Engine, record: NodeRecord): Promise<void> {
  const value = Buffer.from(JSON.stringify({ format: FORMAT, ...record }));
  return engine.writeDurably({ type: "put", key: RECORD_KEY, value });
}

function damaged(cause: unknown): NodeError {
  return new NodeError(
    "NODE_DATA_DAMAGED",
    "the node's own record in its store is not readable: restore the data directory from a copy",
    { cause },
  );
}
