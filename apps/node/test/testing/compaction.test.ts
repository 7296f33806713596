import { expect, test } from "vitest";
import { partsOf } from "../../src/running-node.js";
import { TestCluster } from "../../src/testing/index.js";
import { keysOf } from "./support/keys.js";

/** More entries than stay behind a snapshot, and more bytes than call for one, which the last of the keys bring. */
const KEYS = 5_200;
const LARGE = { keys: 70, bytes: 1_000_000 };
const STALE = {
  consistency: "stale",
  maxStalenessMs: 0,
  atLeast: new Map<number, number>(),
} as const;
const LIMITS = { timeoutMs: 30_000 };

test("a node that joins after the log was cut has every key", { timeout: 90_000 }, async () => {
  await using cluster = await TestCluster.start({
    ...{ nodes: 2, shards: 1, sync: "never", storage: "temporary", waitTimeoutMs: 60_000 },
  });
  const keys = keysOf(KEYS);
  const valueOf = (key: string, at: number) =>
    KEYS - at > LARGE.keys ? key : key.padEnd(LARGE.bytes, "-");
  const client = cluster.client();
  for (let at = 0; at < KEYS; at += 50) {
    const some = keys.slice(at, at + 50);
    await Promise.all(some.map((key, i) => client.put(key, valueOf(key, at + i), LIMITS)));
  }
  const groupOf = (id: string) => partsOf(cluster.node(id)).cluster.replicas.replica(0)?.group;
  for (const id of cluster.nodes) {
    // The entries of the first keys are not there any more to be sent.
    await cluster.until(`${id} has cut its log`, () => groupOf(id)?.termAt(1) === undefined);
  }
  const added = await cluster.add();
  await cluster.settled();
  // What its own replica has, whoever leads.
  const { router } = cluster.node(added);
  const keyspace = router.keyspace("default");
  for (const [at, key] of keys.entries()) {
    const { entry } = await router.get(keyspace, Buffer.from(key), STALE, LIMITS);
    if (String(Buffer.from(entry?.value ?? [])) !== valueOf(key, at)) expect.fail(`${key} is gone`);
  }
});
