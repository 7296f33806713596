import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyMapCommand } from "./apply-map-command.js";
import type { ClusterMap } from "./cluster-map.js";
import { type ClusterShape, genesisMap } from "./genesis.js";
import type { MapCommand } from "./map-command.js";
import { assertMap } from "./map-invariants.js";
import { decodeMap, decodeMapCommand, encodeMap, encodeMapCommand } from "./map-schema.js";

const SHAPE: ClusterShape = { shards: 4, replicationFactor: 3, virtualNodes: 20 };

function founder(id: string) {
  return {
    ...{ id, joinToken: `token-of-${id}-0123456789`, zone: "", weight: 1 },
    ...{ grpcAddr: `${id}:7420`, raftAddr: `${id}:7421` },
  };
}

function mapOf(...ids: readonly string[]): ClusterMap {
  return genesisMap("c".repeat(32), SHAPE, ids.map(founder));
}

/** Applies commands, none of which may be refused. */
function after(map: ClusterMap, ...commands: readonly MapCommand[]): ClusterMap {
  return commands.reduce<ClusterMap>((current, command) => {
    const { map: next, result } = applyMapCommand(current, command);
    if (result.type === "refused" || next === undefined) throw new Error(JSON.stringify(result));
    return next;
  }, map);
}

function refusal(map: ClusterMap, command: MapCommand): string {
  const { map: next, result } = applyMapCommand(map, command);
  expect(next).toBe(map);
  return result.type === "refused" ? result.code : "none";
}

const add = (id: string) => ({ type: "add-node" as const, ...founder(id) });
const setState = (node: number, state: "active" | "draining" | "left"): MapCommand => ({
  ...{ type: "set-node-state", node, state },
});

describe("nodes", () => {
  test("are numbered in the order in which they come, and never again", () => {
    const map = after(mapOf("bob", "ada"), add("cleo"));
    expect(map.nodes.map(({ id, number }) => [id, number])).toEqual([
      ["ada", 1],
      ["bob", 2],
      ["cleo", 3],
    ]);
    const left = after(map, setState(3, "left"), {
      ...add("cleo"),
      ...{ joinToken: "x".repeat(20) },
    });
    expect(left.nodes.at(-1)).toMatchObject({ id: "cleo", number: 4 });
    expect(left.nextNodeNumber).toBe(5);
  });

  test("that join again are the same ones, at their new addresses", () => {
    const map = after(mapOf("ada"), add("bob"));
    const again = applyMapCommand(map, { ...add("bob"), grpcAddr: "elsewhere:1" });
    expect(again.result).toMatchObject({ type: "done", number: 2 });
    expect(again.map?.nodes[1]).toMatchObject({ number: 2, grpcAddr: "elsewhere:1" });
    const unchanged = applyMapCommand(again.map, {
      ...add("bob"),
      grpcAddr: "elsewhere:1",
    });
    expect(unchanged.map).toBe(again.map);
  });

  test("with an id or an address in use, or that left before, are refused", () => {
    const map = after(mapOf("ada"), add("bob"));
    const other = { joinToken: "another-token-0123456789" };
    expect(refusal(map, { ...add("bob"), ...other })).toBe("NODE_ID_IN_USE");
    const sameAddress = { ...add("cleo"), raftAddr: "ada:7421" };
    expect(refusal(map, sameAddress)).toBe("CLUSTER_STATE");
    expect(refusal(after(map, setState(2, "left")), add("bob"))).toBe("CLUSTER_STATE");
  });

  test("leave only empty, and never the last of them", () => {
    const map = mapOf("ada", "bob", "cleo");
    expect(refusal(map, setState(1, "left"))).toBe("CLUSTER_STATE");
    expect(refusal(mapOf("ada"), setState(1, "draining"))).toBe("CLUSTER_STATE");
    expect(refusal(map, setState(9, "draining"))).toBe("NODE_UNKNOWN");
    const guarded: MapCommand = {
      ...{ type: "set-node-state", node: 1, state: "active", ifState: "draining" },
    };
    expect(applyMapCommand(map, guarded).map).toBe(map);
    expect(refusal(map, { ...guarded, state: "draining", ifState: "left" })).toBe("CLUSTER_STATE");
  });
});

describe("keyspaces", () => {
  test("are made and dropped by name; their numbers are never used again", () => {
    const create: MapCommand = { type: "create-keyspace", name: "logs", defaultTtlMs: 5 };
    const map = after(mapOf("ada"), create);
    expect(map.keyspaces.at(-1)).toEqual({ name: "logs", number: 2, defaultTtlMs: 5 });
    expect(refusal(map, create)).toBe("KEYSPACE_EXISTS");
    const dropped = after(map, { type: "drop-keyspace", name: "logs" });
    expect(dropped.droppedKeyspaces).toEqual([2]);
    const finished = after(dropped, { type: "finish-drop-keyspace", keyspace: 2 }, create);
    expect(finished.droppedKeyspaces).toEqual([]);
    expect(finished.keyspaces.at(-1)?.number).toBe(3);
  });

  test("with a bad name, an unknown one, and the default one are refused", () => {
    const map = mapOf("ada");
    for (const name of ["", "A", "9x", "a b", "x".repeat(65)]) {
      const create: MapCommand = { type: "create-keyspace", name, defaultTtlMs: 0 };
      expect(refusal(map, create)).toBe("FIELD_INVALID");
    }
    expect(refusal(map, { type: "drop-keyspace", name: "none" })).toBe("KEYSPACE_UNKNOWN");
    expect(refusal(map, { type: "drop-keyspace", name: "default" })).toBe("FIELD_INVALID");
  });
});

describe("replicas", () => {
  test("move one at a time: begun, then finished with what the group says", () => {
    const map = after(mapOf("ada", "bob", "cleo"), add("dora"));
    const move = { add: 4, remove: 2 };
    const begun = after(map, { type: "begin-move", shard: 0, move });
    expect(begun.shards[0]).toMatchObject({ replicas: map.shards[0]?.replicas, move });
    const other: MapCommand = { type: "begin-move", shard: 0, move: { add: 4, remove: 1 } };
    expect(refusal(begun, other)).toBe("CLUSTER_STATE");
    const finish: MapCommand = { type: "finish-move", shard: 0, move, replicas: [1, 3, 4] };
    expect(refusal(map, finish)).toBe("CLUSTER_STATE");
    const strange: MapCommand = { type: "finish-move", shard: 0, move, replicas: [1, 5] };
    expect(refusal(begun, strange)).toBe("CLUSTER_STATE");
    const finished = after(begun, finish);
    expect(finished.shards[0]).toMatchObject({ replicas: [1, 3, 4], move: undefined });
    // Again, by a leader that does not know that it was done.
    expect(applyMapCommand(finished, finish).map).toBe(finished);
  });

  test("do not move to where they are, to nodes that are being emptied, nor from where they are not", () => {
    const map = after(mapOf("ada", "bob", "cleo"), add("dora"), setState(4, "draining"));
    const moves = [
      { add: 1, remove: undefined },
      { add: 4, remove: undefined },
      { add: 9, remove: undefined },
      { add: undefined, remove: 4 },
      { add: undefined, remove: undefined },
    ];
    const codes = moves.map((move) => refusal(map, { type: "begin-move", shard: 0, move }));
    expect(codes.filter((code) => code === "none")).toEqual([]);
    const single = mapOf("ada");
    const last: MapCommand = { type: "begin-move", shard: 0, move: { add: undefined, remove: 1 } };
    expect(refusal(single, last)).toBe("CLUSTER_STATE");
  });

  test("are led by another when they are put in another order, if the map is the expected one", () => {
    const map = mapOf("ada", "bob", "cleo");
    const reorder = (replicas: readonly number[], ifEpoch?: number): MapCommand => ({
      ...{ type: "set-replica-order", shard: 1, replicas, ifEpoch },
    });
    expect(after(map, reorder([3, 1, 2], 1)).shards[1]?.replicas).toEqual([3, 1, 2]);
    expect(refusal(map, reorder([3, 1, 2], 2))).toBe("CLUSTER_STATE");
    expect(refusal(map, reorder([3, 1]))).toBe("CLUSTER_STATE");
    expect(refusal(map, reorder([3, 1, 1]))).toBe("CLUSTER_STATE");
  });
});

test("the first map is brought in once, and one of another cluster not at all", () => {
  const first = mapOf("ada");
  const early: MapCommand = { type: "pause-balancer", isPaused: true };
  expect(applyMapCommand(undefined, early)).toMatchObject({
    map: undefined,
    result: { type: "refused", code: "NO_LEADER" },
  });
  const found: MapCommand = { type: "found", map: first };
  expect(applyMapCommand(undefined, found).map).toBe(first);
  const later = after(first, early);
  expect(applyMapCommand(later, found).map).toBe(later);
  const foreign: MapCommand = { type: "found", map: { ...first, clusterId: "other" } };
  expect(refusal(later, foreign)).toBe("WRONG_CLUSTER");
});

/** Commands that make sense often enough to get somewhere. */
function arbitraryCommand(): fc.Arbitrary<MapCommand> {
  const node = fc.integer({ min: 1, max: 8 });
  const shard = fc.integer({ min: 0, max: 4 });
  const id = fc.constantFrom("ada", "bob", "cleo", "dora", "emil", "fay");
  const state = fc.constantFrom("active" as const, "draining" as const, "left" as const);
  const name = fc.constantFrom("default", "logs", "carts", "BAD");
  const maybeNode = fc.option(node, { nil: undefined });
  const move = fc.record({ add: maybeNode, remove: maybeNode });
  const replicas = fc.array(node, { minLength: 1, maxLength: 4 });
  const kind = <Type extends MapCommand["type"], Rest extends object>(
    type: Type,
    rest: { [Name in keyof Rest]: fc.Arbitrary<Rest[Name]> },
  ) => fc.record(rest).map((values) => ({ type, ...values }));
  return fc.oneof(
    fc.record({ id, suffix: fc.constantFrom("", "2") }).map(
      ({ id, suffix }): MapCommand => ({
        ...{ type: "add-node", ...founder(id), joinToken: `token-of-${id}${suffix}-0123456789` },
      }),
    ),
    fc.record({ node, id }).map(({ node, id }): MapCommand => {
      const { grpcAddr, raftAddr, zone, weight } = founder(id);
      return { type: "update-node", node, grpcAddr, raftAddr, zone, weight };
    }),
    kind("set-node-state", { node, state }),
    kind("create-keyspace", { name, defaultTtlMs: fc.nat() }),
    kind("drop-keyspace", { name }),
    kind("finish-drop-keyspace", { keyspace: node }),
    kind("begin-move", { shard, move }),
    kind("finish-move", { shard, move, replicas }),
    kind("set-replica-order", { shard, replicas }),
    kind("pause-balancer", { isPaused: fc.boolean() }),
  );
}

test("whatever is commanded, the invariants hold, and a refusal changes nothing", () => {
  const ids = fc.constantFrom(["ada"], ["ada", "bob"], ["ada", "bob", "cleo", "dora"]);
  const property = fc.property(
    ids,
    fc.array(arbitraryCommand(), { maxLength: 60 }),
    (founders, commands) => {
      let map = mapOf(...founders);
      for (const command of commands) {
        const { map: next, result } = applyMapCommand(map, command);
        if (next === undefined) throw new Error("a map that is lost");
        if (result.type === "refused") expect(next).toBe(map);
        assertMap(next);
        const isChanged = next !== map;
        expect(next.epoch).toBe(map.epoch + (isChanged ? 1 : 0));
        map = next;
      }
      // The codec tells the same story, and the same commands lead to the same map anywhere.
      expect(decodeMap(encodeMap(map))).toEqual(map);
      const replayed = commands.reduce<ClusterMap | undefined>(
        (current, command) =>
          applyMapCommand(current, decodeMapCommand(encodeMapCommand(command))).map,
        mapOf(...founders),
      );
      expect(replayed).toEqual(map);
    },
  );
  fc.assert(property, { numRuns: 150, ...seedOf() });
});

function seedOf(): { readonly seed?: number } {
  const { TITAN_SEED } = process.env;
  return TITAN_SEED === undefined ? {} : { seed: Number(TITAN_SEED) };
}

test("bytes that are no map and no command are refused", () => {
  const good = mapOf("ada");
  for (const text of ["", "{", "null", "[]", "{}", JSON.stringify({ ...good, extra: 1 })]) {
    expect(() => decodeMap(Buffer.from(text))).toThrow();
    expect(() => decodeMapCommand(Buffer.from(text))).toThrow();
  }
});
