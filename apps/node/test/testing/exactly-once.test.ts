import { TitanClient } from "@titan/client";
import { expect, test } from "vitest";
import { TestCluster } from "../../src/testing/index.js";
import { keysOf } from "./support/keys.js";

const CALLERS = 8;
const CRASHES = 3;
const KEYS = keysOf(16);

test("with exactlyOnce no increment fails or counts twice when leaders crash under it", async () => {
  await using cluster = await TestCluster.start();
  await using client = new TitanClient({
    ...{ endpoints: cluster.nodes.map((id) => cluster.endpoint(id)), timeoutMs: 30_000 },
    exactlyOnce: true,
  });
  const state = { isOver: false };
  const counts = new Map<string, number>();
  const call = async (caller: number): Promise<void> => {
    for (let turn = caller; !state.isOver; turn += 1) {
      const key = KEYS[turn % KEYS.length] ?? "";
      await client.increment(key);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  };
  const calling = Promise.all(Array.from({ length: CALLERS }, (_, caller) => call(caller)));
  calling.catch(() => {
    state.isOver = true;
  });
  for (let crash = 0; crash < CRASHES && !state.isOver; crash += 1) {
    const leader = await cluster.leaderOf(KEYS[crash] ?? "");
    await cluster.crash(leader);
    await cluster.led();
    await cluster.start(leader);
    await cluster.led();
  }
  state.isOver = true;
  await calling;
  const found = await client.getMany(KEYS);
  expect(found.map((value) => Number(value ?? 0))).toEqual(KEYS.map((key) => counts.get(key) ?? 0));
}, 90_000);
