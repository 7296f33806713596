/** How the client finds the leaders of its keys, and goes on when what it knows is out of date. */
import { beforeEach, describe, expect, test } from "vitest";
import { TitanClient } from "../src/index.js";
import type { ClientOptions } from "../src/options.js";
import { clusterMap } from "./fakes/cluster-map.js";
import { FakeTransport, failure, type Reply, zeroes } from "./fakes/fake-transport.js";
import { failureOf } from "./fakes/harness.js";
import { settle, VirtualClock } from "./fakes/virtual-clock.js";

const UNAVAILABLE = 14;

let clock: VirtualClock;
let transport: FakeTransport;

beforeEach(() => {
  clock = new VirtualClock();
  transport = new FakeTransport();
  transport.map = () => clusterMap({ leaders: [1, 2] });
});

function clientOf(options: ClientOptions<"string", "string"> = {}): TitanClient {
  return new TitanClient({ endpoints: ["n1"], ...options }, { clock, random: zeroes, transport });
}

/** With the map learned and its nodes connected. "b" is a key of shard 0, "a" one of shard 1. */
async function settledClient(options: ClientOptions<"string", "string"> = {}) {
  const client = clientOf(options);
  await client.get("b");
  await settle();
  await client.get("a");
  await settle();
  transport.sent.length = 0;
  return client;
}

/** Where calls on both keys go. */
async function destinations(client: TitanClient): Promise<string[]> {
  transport.sent.length = 0;
  await client.get("b");
  await client.put("a", "v");
  return [...transport.sent];
}

describe("a client", () => {
  test("calls the leader of a key's shard once it knows it, and connects to it meanwhile", async () => {
    const client = clientOf();
    await client.get("a");
    await settle();
    expect(transport.dialled).toEqual(["n1:7420"]);
    await client.get("a");
    await settle();
    expect(transport.dialled).toEqual(["n1:7420", "n2:7420"]);
    await client.get("a");
    expect(transport.sent).toEqual(["n1:7420", "n1:7420", "n2:7420"]);
    await client.close();
    expect(transport.open).toBe(0);
  });

  test("asks for the map once for many calls, and again when it is old", async () => {
    const client = clientOf();
    await Promise.all(Array.from({ length: 100 }, (_, at) => client.get(`${at}`)));
    await settle();
    expect(transport.askedForMap).toHaveLength(1);
    await clock.advance(30_000);
    await Promise.all(Array.from({ length: 100 }, (_, at) => client.get(`${at}`)));
    await settle();
    // The other one was asked whether it is of the same cluster.
    expect(transport.askedForMap).toEqual(["n1:7420", "n1:7420", "n2:7420"]);
  });

  test("stays with its endpoints when it is told to", async () => {
    const client = await settledClient({ discovery: false });
    expect(await destinations(client)).toEqual(["n1:7420", "n1:7420"]);
    expect(transport.askedForMap).toEqual([]);
  });

  test("stays with its endpoints when nodes know no map", async () => {
    transport.map = () => {
      throw failure(12);
    };
    const client = await settledClient();
    expect(await destinations(client)).toEqual(["n1:7420", "n1:7420"]);
  });

  test("takes the detour as long as a leader cannot be reached from here", async () => {
    transport.reach.set("n2:7420", "refused");
    const client = await settledClient();
    expect(await destinations(client)).toEqual(["n1:7420", "n1:7420"]);
    transport.reach.set("n2:7420", "up");
    await clock.advance(1_000);
    await destinations(client);
    await settle();
    expect(await destinations(client)).toEqual(["n1:7420", "n2:7420"]);
  });

  test("tries an address that nobody can reach from here ever more seldom, and finds it when it is there", async () => {
    transport.reach.set("n2:7420", "refused");
    const client = await settledClient();
    for (let second = 0; second < 600; second += 1) {
      await clock.advance(1_000);
      await destinations(client);
    }
    const tries = transport.dialled.filter((address) => address === "n2:7420").length;
    expect(tries).toBeGreaterThan(20);
    expect(tries).toBeLessThan(60);
    transport.reach.set("n2:7420", "up");
    await clock.advance(30_000);
    await destinations(client);
    await settle();
    expect(await destinations(client)).toEqual(["n1:7420", "n2:7420"]);
  });

  test("sends nothing to what answers at a learned address and is of another cluster", async () => {
    transport.map = (address) =>
      clusterMap({ leaders: [1, 2], clusterId: address === "n1:7420" ? "c" : "another" });
    const client = await settledClient();
    expect(await destinations(client)).toEqual(["n1:7420", "n1:7420"]);
    transport.cut("n1:7420");
    const read = failureOf(client.get("b", { timeoutMs: 500 }));
    await clock.advance(500);
    expect((await read).code).toBe("CLIENT_UNAVAILABLE");
    expect(transport.sent).not.toContain("n2:7420");
    await client.close();
    expect(transport.open).toBe(0);
  });

  test("goes with the endpoint that it was given when that leads to another cluster", async () => {
    const client = await settledClient();
    transport.map = () => clusterMap({ leaders: [3, 3], nodes: [1, 3], clusterId: "new" });
    await clock.advance(30_000);
    await destinations(client);
    await settle();
    await destinations(client);
    await settle();
    expect(await destinations(client)).toEqual(["n3:7420", "n3:7420"]);
    expect(transport.open).toBe(2);
  });

  test("still asks a node for the shards that it leads when it has no leader for another one", async () => {
    transport.map = () => clusterMap({ leaders: [2, 2] });
    const client = await settledClient();
    expect(await destinations(client)).toEqual(["n2:7420", "n2:7420"]);
    transport.sent.length = 0;
    const replies = [failure(UNAVAILABLE, "NO_LEADER", { outcome: "not-applied" })];
    transport.reply = () => replies.shift() ?? { found: false };
    await client.put("b", "v");
    expect(transport.sent).toEqual(["n2:7420", "n1:7420"]);
    expect(await destinations(client)).toEqual(["n1:7420", "n2:7420"]);
  });

  test("follows what nodes say of leaders", async () => {
    const client = await settledClient();
    expect(await destinations(client)).toEqual(["n1:7420", "n2:7420"]);
    transport.hint(1, 1);
    expect(await destinations(client)).toEqual(["n1:7420", "n1:7420"]);
  });

  test("learns of a node that came since when it is said to lead", async () => {
    const client = await settledClient();
    transport.map = () => clusterMap({ leaders: [1, 4], nodes: [1, 2, 4], epoch: 2 });
    transport.hint(1, 4);
    await clock.advance(250);
    await destinations(client);
    await settle();
    await destinations(client);
    await settle();
    expect(await destinations(client)).toEqual(["n1:7420", "n4:7420"]);
  });

  test("reads that may be stale stay where they are", async () => {
    const client = await settledClient();
    await client.get("a", { consistency: "stale" });
    expect(transport.sent).toEqual(["n1:7420"]);
  });

  test("asks another node when a leader fails, and that one again when it is said to lead", async () => {
    const client = await settledClient();
    transport.map = () => clusterMap({ leaders: [1, 0] });
    const reply = transport.reply;
    transport.reply = (address): Reply =>
      address === "n2:7420"
        ? failure(UNAVAILABLE, "NOT_SERVING", { outcome: "not-applied" })
        : reply(address);
    await client.put("a", "v");
    expect(transport.sent).toEqual(["n2:7420", "n1:7420"]);
    expect(await destinations(client)).toEqual(["n1:7420", "n1:7420"]);
    transport.reply = reply;
    transport.hint(1, 2);
    await clock.advance(1_000);
    await destinations(client);
    await settle();
    expect(await destinations(client)).toEqual(["n1:7420", "n2:7420"]);
  });

  test("goes on with the nodes of the map when all that it was given are gone", async () => {
    const client = await settledClient();
    transport.cut("n1:7420");
    transport.map = () => clusterMap({ leaders: [2, 3], nodes: [2, 3], epoch: 2 });
    expect(await destinations(client)).toEqual(["n2:7420", "n2:7420"]);
    await clock.advance(30_000);
    await destinations(client);
    await settle();
    await destinations(client);
    await settle();
    expect(await destinations(client)).toEqual(["n2:7420", "n3:7420"]);
  });

  test("drops the connections to nodes that have left", async () => {
    const client = await settledClient();
    expect(transport.open).toBe(2);
    transport.map = () => clusterMap({ leaders: [1, 1], nodes: [1, 3], epoch: 2 });
    await clock.advance(30_000);
    await client.get("b");
    await settle();
    expect(transport.open).toBe(1);
    expect(await destinations(client)).toEqual(["n1:7420", "n1:7420"]);
  });

  test("sends calls elsewhere while a node answers nothing, but one now and then", async () => {
    const client = await settledClient();
    const reply = transport.reply;
    transport.reply = (address) => (address === "n2:7420" ? "silence" : reply(address));
    const hung = client.get("a", { timeoutMs: 60_000 });
    await clock.advance(1_000);
    expect(await destinations(client)).toEqual(["n1:7420", "n1:7420"]);
    await clock.advance(1_000);
    const probe = client.get("a", { timeoutMs: 60_000 });
    expect(transport.sent.at(-1)).toBe("n2:7420");
    expect(await destinations(client)).toEqual(["n1:7420", "n1:7420"]);
    transport.reply = reply;
    await clock.advance(1_000);
    expect(await destinations(client)).toEqual(["n1:7420", "n2:7420"]);
    await clock.advance(1_000);
    expect(await destinations(client)).toEqual(["n1:7420", "n2:7420"]);
    await client.close();
    await Promise.allSettled([hung, probe]);
  });

  test("asks for no map when it is closed, and leaves nothing behind", async () => {
    const client = await settledClient();
    await client.close();
    await settle();
    expect([transport.open, clock.pending]).toEqual([0, 0]);
  });
});
