import { expect, test } from "vitest";
import { failure, newWorld, putCommand } from "../support/shard-calls.js";
import { MachineBench } from "../support/shard-machine.js";
import { LIMITS } from "../support/shard-world.js";

function settledBy(promise: Promise<unknown>): () => boolean {
  let isDone = false;
  const end = (): void => {
    isDone = true;
  };
  promise.then(end, end);
  return () => isDone;
}

async function flush(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

test("a full disk holds a shard up, and what waited is applied once there is room", async () => {
  const bench = await MachineBench.open();
  await bench.put("a", "1");
  bench.fileSystem.capacityBytes = 0;
  const waiting = bench.put("b", "x".repeat(20_000));
  const isDone = settledBy(waiting);
  for (let turn = 0; turn < 3; turn += 1) {
    await flush();
    bench.clock.advance(1000);
  }
  expect(isDone()).toBe(false);
  expect(bench.machine.appliedIndex).toBe(1);
  bench.fileSystem.capacityBytes = Number.POSITIVE_INFINITY;
  bench.clock.advance(1000);
  await waiting;
  expect(bench.machine.appliedIndex).toBe(2);
  await bench.machine.close();
});

test("closing does not wait for a full disk", async () => {
  const bench = await MachineBench.open();
  bench.fileSystem.capacityBytes = 0;
  const waiting = bench.put("b", "x".repeat(20_000));
  await flush();
  bench.fileSystem.capacityBytes = Number.POSITIVE_INFINITY;
  const refused = expect(waiting).rejects.toThrow();
  await bench.machine.close();
  await refused;
});

test("a shard whose disk fails stops on its node and says so; the others go on", async () => {
  const world = newWorld();
  await world.found(3);
  await world.put("a", "1");
  const leader = await world.leader();
  const id = [...world.nodes.values()].find(({ replica }) => replica === leader)?.id ?? 0;
  const fault = { type: "error", code: "EIO" } as const;
  world.node(id).fileSystem.faults.add({ fault, kind: "write", path: /shards/u, times: 1000 });
  const error = await failure(world, leader.propose(putCommand("a", "2"), LIMITS));
  expect(error).toMatchObject({ code: "STORE_FAILED", outcome: "unknown" });
  await world.until(() => !leader.isLeader);
  expect(leader.status()).toMatchObject({ shard: 0, role: "follower" });
  const again = await failure(
    world,
    leader.read(1, [Buffer.from("a")], { type: "linearizable" }, LIMITS),
  );
  expect(again.code).toBe("STORE_FAILED");
  await world.put("a", "3");
  expect(await world.get(await world.leader(), "a")).toBe("3");
});
