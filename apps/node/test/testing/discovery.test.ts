import { TitanClient } from "@titan/client";
import { expect, test } from "vitest";
import { TestCluster } from "../../src/testing/index.js";
import { keysOf } from "./support/keys.js";

test("a client of one node finds the others, and goes on without that one", async () => {
  await using cluster = await TestCluster.start();
  const [first = ""] = cluster.nodes;
  // Not `cluster.client(first)`: that one looks for no others.
  await using client = new TitanClient({ endpoints: [cluster.endpoint(first)] });
  const keys = keysOf(24);
  await Promise.all(keys.map((key) => client.put(key, key)));
  await Promise.all(keys.map((key) => client.get(key)));
  await cluster.stop(first);
  await Promise.all(keys.map((key) => client.put(key, `${key}!`)));
  const found = await Promise.all(keys.map((key) => client.get(key)));
  expect(found).toEqual(keys.map((key) => `${key}!`));
});
