import { Bitcask } from "@titan/bitcask";
import { Consistency } from "@titan/proto";
import { expect, test } from "vitest";
import { TestCluster } from "../../src/testing/index.js";
import { bytes, connect } from "../support/test-node.js";
import { firstStoreOf } from "./support/first-store.js";

test("a replica whose data was changed is found by the audit, and gets the majority's", async () => {
  const found: string[] = [];
  await using cluster = await TestCluster.start({
    ...{ shards: 1, storage: "temporary", auditInterval: "200ms" },
    logger: {
      ...{ debug: () => undefined, info: () => undefined, warn: () => undefined },
      error: (_fields, message) => void found.push(message),
    },
  });
  await cluster.client().put("k", "right");
  await cluster.caughtUp();
  const leader = await cluster.leaderOf("k");
  const victim = cluster.nodes.find((id) => id !== leader) ?? "";
  await cluster.stop(victim);

  const store = await Bitcask.open(await firstStoreOf(cluster.dataDir(victim), 0), {
    sync: "always",
  });
  let changed = 0;
  for await (const { key, value } of store.entries({})) {
    const at = Buffer.from(value).indexOf("right");
    if (at < 0) continue;
    const wrong = Buffer.from(value);
    wrong.write("wrong", at);
    await store.put(key, wrong);
    changed += 1;
  }
  await store.close();
  expect(changed).toBeGreaterThan(0);

  await cluster.start(victim);
  const { kv, channel } = connect(cluster.endpoint(victim));
  const read = { consistency: Consistency.STALE, maxStalenessMs: 0, atLeast: [] };
  const staleValue = async (): Promise<string> => {
    const { value } = await kv.get({ key: bytes("k"), keyspace: "", read });
    return Buffer.from(value).toString();
  };
  try {
    await cluster.until("the audit says so", () =>
      found.some((message) => message.includes("other data than the majority")),
    );
    await cluster.until("it is repaired", () =>
      staleValue().then(
        (value) => value === "right",
        () => false,
      ),
    );
    await cluster.settled();
    expect(await staleValue()).toBe("right");
  } finally {
    channel.close();
  }
});
