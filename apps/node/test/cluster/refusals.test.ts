import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { NodeError } from "../../src/node-error.js";
import { failureOf } from "../support/rich-error.js";
import { connect } from "../support/test-node.js";
import { withNodes } from "./support/nodes.js";

const NOBODY = { id: "nobody", grpcAddr: "127.0.0.1:1", raftAddr: "127.0.0.1:2" };

/** Awaits a start that must fail. */
async function refusalOf(start: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await start;
  } catch (error) {
    const { code, message } = error as NodeError;
    return { code, message };
  }
  throw new Error("it started");
}

test("a founder that has lost its disk is told how to come back, and is not let in as it was", () =>
  withNodes(async (nodes) => {
    const peers = await nodes.peers(["ada", "bob", "cleo"]);
    const [ada, bob] = await nodes.startAll(peers, { shards: 2 });
    await ada?.close();
    await nodes.wipe("ada");
    const again = { nodeId: "ada", peers: [...peers] };
    const founding = await refusalOf(nodes.start(again));
    expect(founding.code).toBe("NODE_CLUSTER_REFUSED");
    expect(founding.message).toContain("titan leave ada");
    await nodes.wipe("ada");
    const joining = await refusalOf(nodes.start({ nodeId: "ada", join: [bob?.address ?? ""] }));
    expect(joining.code).toBe("NODE_CLUSTER_REFUSED");
    expect(joining.message).toContain("with another --node-id");
  }));

test("a node whose log alone is gone is refused, with the procedure", () =>
  withNodes(async (nodes) => {
    const node = await nodes.start({ shards: 1 });
    await node.close();
    await rm(join(nodes.dataDir("alone"), "raft"), { recursive: true });
    const { code, message } = await refusalOf(nodes.start({ shards: 1 }));
    expect(code).toBe("NODE_DATA_DAMAGED");
    expect(message).toContain("titan leave");
  }));

test("a node whose identity alone is gone is refused", () =>
  withNodes(async (nodes) => {
    const node = await nodes.start({ shards: 1 });
    await node.close();
    await rm(join(nodes.dataDir("alone"), "node.json"));
    const { code } = await refusalOf(nodes.start({ shards: 1 }));
    expect(code).toBe("NODE_DATA_DAMAGED");
  }));

test("data of the server that had one node is refused, and not touched", () =>
  withNodes(async (nodes) => {
    await mkdir(join(nodes.dataDir("alone"), "store"), { recursive: true });
    expect((await refusalOf(nodes.start({}))).code).toBe("NODE_DATA_OLDER");
  }));

test("two that were each founded alone do not become one by being told of each other", () =>
  withNodes(async (nodes) => {
    const peers = await nodes.peers(["ada", "bob"]);
    const [first, second] = peers;
    if (first === undefined || second === undefined) throw new Error("two peers");
    const { grpcAddr, raftAddr } = first;
    const ada = await nodes.start({
      nodeId: "ada",
      grpcAddr,
      raftAddr,
      bootstrap: true,
      shards: 1,
    });
    const { cluster } = await ada.status();
    const founding = await refusalOf(nodes.start({ nodeId: "bob", peers: [...peers] }));
    expect(founding.code).toBe("NODE_CLUSTER_REFUSED");
    expect(founding.message).toContain(cluster?.clusterId);
    // And a member of another cluster that asks is told of both.
    const client = connect(ada.address);
    try {
      const node = {
        ...{ nodeId: "bob", grpcAddr: second.grpcAddr, raftAddr: second.raftAddr },
        weightPercent: 100,
      };
      const joinToken = "0123456789abcdef";
      const failure = await failureOf(
        client.cluster.join({ joinToken, node, clusterId: "another" }),
      );
      expect(failure).toMatchObject({ status: "FAILED_PRECONDITION", reason: "WRONG_CLUSTER" });
      expect(failure.message).toContain(cluster?.clusterId);
      expect(failure.message).toContain("another");
    } finally {
      client.channel.close();
    }
  }));

test("a directory of one cluster stays with it, whatever the command line says", () =>
  withNodes(async (nodes) => {
    const other = await nodes.start({ nodeId: "other", shards: 1 });
    const ada = await nodes.start({ nodeId: "ada", shards: 1 });
    const before = (await ada.status()).cluster?.clusterId;
    await ada.close();
    const again = await nodes.start({ nodeId: "ada", join: [other.address] });
    expect((await again.status()).cluster?.clusterId).toBe(before);
    await again.close();
    const { code } = await refusalOf(
      nodes.start({ nodeId: "ada", dataDir: nodes.dataDir("other") }),
    );
    expect(code).toBe("NODE_DATA_IN_USE");
  }));

test("peers with different lists wait for each other, and a start that waits can be ended", () =>
  withNodes(async (nodes) => {
    const peers = await nodes.peers(["ada", "bob"]);
    const stop = new AbortController();
    const starts = peers.map(({ id }, at) =>
      refusalOf(
        nodes.start({
          ...{ nodeId: id, signal: stop.signal, shards: 1 },
          peers: at === 0 ? [...peers] : [...peers, NOBODY],
        }),
      ),
    );
    stop.abort();
    for (const { code } of await Promise.all(starts)) expect(code).toBe("NODE_STOPPED");
    const identity = await readFile(join(nodes.dataDir("ada"), "node.json"), "utf8");
    expect(JSON.parse(identity)).not.toHaveProperty("member");
    // Nothing was founded, so the right list still founds.
    const [ada] = await nodes.startAll(peers, { shards: 1 });
    expect((await ada?.status())?.cluster?.nodes).toHaveLength(2);
  }));

test("a node that describes itself badly is not taken in, and is told which field is wrong", () =>
  withNodes(async (nodes) => {
    const ada = await nodes.start({ nodeId: "ada", shards: 1 });
    const client = connect(ada.address);
    const joinToken = "0".repeat(32);
    const grpcAddr = "h:1";
    const requests = [
      [{ joinToken }, "node.node_id"],
      [{ joinToken, node: { nodeId: "NOT valid" } }, "node.node_id"],
      [{ joinToken, node: { nodeId: "n", grpcAddr: "h:0" } }, "node.grpc_addr"],
      [{ joinToken, node: { nodeId: "n", grpcAddr, raftAddr: "h" } }, "node.raft_addr"],
      [{ joinToken, node: { nodeId: "n", grpcAddr, raftAddr: "h:2" } }, "node.weight_percent"],
      [
        { node: { nodeId: "n", grpcAddr, raftAddr: "h:2", weightPercent: 1 }, joinToken: "guess" },
        "join_token",
      ],
    ] as const;
    try {
      for (const [request, field] of requests) {
        const failure = await failureOf(client.cluster.join(request));
        expect(failure).toMatchObject({ reason: "FIELD_INVALID", metadata: { field } });
      }
    } finally {
      client.channel.close();
    }
  }));
