import { expect, test } from "vitest";
import { TestCluster } from "../../src/testing/index.js";

const KEYS = 200;
const WAIT_MS = 60_000;

test(
  "a client's watch tells each change once, also when the leaders change under it",
  async () => {
    await using cluster = await TestCluster.start();
    const client = cluster.client();
    const watch = client.watch({ prefix: "w", progressIntervalMs: 200 });
    expect((await watch.next()).value).toMatchObject({ type: "progress" });

    const written = (async () => {
      for (let at = 0; at < KEYS; at += 1) {
        if (at === KEYS / 4) await cluster.stop(await cluster.leaderOf("w0"));
        if (at === KEYS / 2) {
          await cluster.crash(await cluster.leaderOf("w0"));
          for (const id of cluster.nodes)
            if (!cluster.running.includes(id)) await cluster.start(id);
          await cluster.led();
        }
        await client.put(`w${at}`, String(at), { timeoutMs: 20_000 });
        await client.put(`elsewhere-${at}`, "");
      }
    })();
    const told: string[] = [];
    while (told.length < KEYS) {
      const { value } = await watch.next();
      if (value?.type === "put") told.push(value.key);
    }
    await written;
    const all = Array.from({ length: KEYS }, (_, at) => `w${at}`);
    expect(told.toSorted()).toEqual(all.toSorted());

    // Another one goes on where that one stands.
    await watch.next();
    const { position } = watch;
    await watch.return?.();
    await client.put("w-later", "");
    for await (const event of client.watch({ prefix: "w", from: position })) {
      if (event.type === "progress") continue;
      expect(event).toMatchObject({ type: "put", key: "w-later" });
      break;
    }
  },
  WAIT_MS,
);
