/** The map and its commands as JSON: in the meta group's log and snapshots, and in a node's directory. */
import { z } from "zod";
import type { ClusterMap } from "./cluster-map.js";
import type { MapCommand } from "./map-command.js";

const count = z.int().min(1);
const text = z.string().min(1).max(1024);
/** Absent in JSON where it is undefined. */
const optionalNode = count.optional().transform((value) => value);

const moveSchema = z
  .strictObject({ add: optionalNode, remove: optionalNode })
  .transform(({ add, remove }) => ({ add, remove }));
const nodeState = z.enum(["active", "draining", "left"]);

const nodeSchema = z.strictObject({
  number: count,
  id: text,
  grpcAddr: text,
  raftAddr: text,
  zone: z.string().max(255),
  weight: z.number().min(0.01).max(1000),
  state: nodeState,
  joinToken: text,
});

const shardSchema = z
  .strictObject({
    shard: z.int().min(0),
    start: z.string().regex(/^[0-9a-f]{16}$/),
    replicas: z.array(count).min(1),
    founders: z.array(count).min(1),
    move: moveSchema.optional(),
  })
  .transform((shard) => ({ ...shard, move: shard.move }));

const keyspaceSchema = z.strictObject({
  name: text,
  number: count,
  defaultTtlMs: z.int().min(0),
});

const mapSchema = z.strictObject({
  clusterId: text,
  epoch: count,
  replicationFactor: count,
  virtualNodes: count,
  nodes: z.array(nodeSchema).min(1),
  shards: z.array(shardSchema).min(1),
  keyspaces: z.array(keyspaceSchema).min(1),
  droppedKeyspaces: z.array(count),
  nextNodeNumber: count,
  nextKeyspaceNumber: count,
  isBalancerPaused: z.boolean(),
}) satisfies z.ZodType<ClusterMap>;

const ifEpoch = count.optional();
const nodeFacts = {
  grpcAddr: text,
  raftAddr: text,
  zone: z.string().max(255),
  weight: z.number().min(0.01).max(1000),
};
const movesShard = { shard: z.int().min(0), move: moveSchema, ifEpoch };

const commandSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("found"), map: mapSchema }),
  z.strictObject({ type: z.literal("add-node"), id: text, joinToken: text, ...nodeFacts }),
  z.strictObject({ type: z.literal("update-node"), node: count, ...nodeFacts }),
  z.strictObject({
    type: z.literal("set-node-state"),
    node: count,
    state: nodeState,
    ifState: nodeState.optional(),
  }),
  z.strictObject({
    type: z.literal("create-keyspace"),
    name: text,
    defaultTtlMs: z.int().min(0),
  }),
  z.strictObject({ type: z.literal("drop-keyspace"), name: text }),
  z.strictObject({ type: z.literal("finish-drop-keyspace"), keyspace: count }),
  z.strictObject({ type: z.literal("begin-move"), ...movesShard }),
  z.strictObject({
    type: z.literal("finish-move"),
    ...movesShard,
    replicas: z.array(count).min(1),
  }),
  z.strictObject({
    type: z.literal("set-replica-order"),
    shard: z.int().min(0),
    replicas: z.array(count).min(1),
    ifEpoch,
  }),
  z.strictObject({ type: z.literal("pause-balancer"), isPaused: z.boolean() }),
]) satisfies z.ZodType<MapCommand>;

/** The inverse of {@link decodeMap}. */
export function encodeMap(map: ClusterMap): Uint8Array {
  return Buffer.from(JSON.stringify(map));
}

/** @throws Error (zod's, or JSON's) for bytes that are no map */
export function decodeMap(bytes: Uint8Array): ClusterMap {
  return mapSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
}

/** The inverse of {@link decodeMapCommand}. */
export function encodeMapCommand(command: MapCommand): Uint8Array {
  return Buffer.from(JSON.stringify(command));
}

/** @throws Error (zod's, or JSON's) for bytes that are no command of a version known here */
export function decodeMapCommand(bytes: Uint8Array): MapCommand {
  return commandSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
}
