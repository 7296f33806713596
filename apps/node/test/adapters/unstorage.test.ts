import { titanDriver } from "@titan/client/unstorage";
import { createStorage } from "unstorage";
import { expect, test } from "vitest";
import { TestCluster } from "../../src/testing/index.js";

test("what one storage changes another one is told", async () => {
  await using cluster = await TestCluster.start();
  const [writing, watching] = [cluster.client(), cluster.client()].map((client) =>
    createStorage({ driver: titanDriver({ client, base: "app" }) }),
  );
  const told: string[] = [];
  const unwatch = await watching?.watch((event, key) => told.push(`${event} ${key}`));
  await writing?.setItem("a:b", { n: 1 });
  await writing?.removeItem("a:b");
  await expect.poll(() => told).toEqual(["update a:b", "remove a:b"]);
  await unwatch?.();
  expect(await watching?.getKeys()).toEqual([]);
});
