/** Three nodes, real connections between them: each takes every request, also when one of them goes. */
import { TitanClient } from "@titan/client";
import { ChangeKind } from "@titan/proto";
import { expect, test } from "vitest";
import { bytes, connect, type TestClient } from "../support/test-node.js";
import { withNodes } from "./support/nodes.js";

const KEYS = Array.from({ length: 60 }, (_, at) => `k${String(at).padStart(2, "0")}`);

async function keysThrough({ kv }: TestClient): Promise<string[]> {
  const keys: string[] = [];
  for await (const { entries } of kv.scan({ pageSize: 7 })) {
    keys.push(...entries.map(({ key }) => Buffer.from(key).toString()));
  }
  return keys;
}

/** Puts until it works: without a session a write whose outcome is open is the client's to repeat. */
async function putAgain({ kv }: TestClient, key: string, value: string): Promise<void> {
  await expect
    .poll(() =>
      kv.put({ key: bytes(key), value: bytes(value) }).then(
        () => "stored",
        (error: unknown) => String(error),
      ),
    )
    .toBe("stored");
}

test("what is written through one node is read, scanned and watched through every other", () =>
  withNodes(async (nodes) => {
    const started = await nodes.startAll(await nodes.peers(["n1", "n2", "n3"]), { shards: 6 });
    const clients = started.map(({ address }) => connect(address));
    const [first, second, third] = clients as [TestClient, TestClient, TestClient];
    try {
      const seen: string[] = [];
      let isWatching = false;
      const watching = (async () => {
        for await (const { changes } of second.kv.watch({ range: { prefix: bytes("k") } })) {
          isWatching = true;
          for (const { kind, entry } of changes) {
            if (kind === ChangeKind.PUT) seen.push(Buffer.from(entry?.key ?? []).toString());
          }
          if (seen.length >= KEYS.length) return;
        }
      })();
      await expect.poll(() => isWatching).toBe(true);
      for (const [at, key] of KEYS.entries()) {
        const writer = clients[at % 3] as TestClient;
        await writer.kv.put({ key: bytes(key), value: bytes(key) });
        const reader = clients[(at + 1) % 3] as TestClient;
        expect(Buffer.from((await reader.kv.get({ key: bytes(key) })).value).toString()).toBe(key);
      }
      for (const client of clients) expect(await keysThrough(client)).toEqual(KEYS);
      await watching;
      expect([...seen].sort()).toEqual(KEYS);

      // Exactly once, whichever node the repetition goes to.
      const { sessionId } = await first.kv.openSession({});
      const writeId = { sessionId, sequence: 1, acknowledgedBelow: 0 };
      const counts = await Promise.all(
        clients.map(({ kv }) => kv.increment({ key: bytes("n"), delta: 1, writeId })),
      );
      expect(counts.map(({ value }) => value)).toEqual([1, 1, 1]);

      // A node goes in good order: the others take all requests, and a watch has no gap.
      const from = (await firstProgress(third)).map(({ shard, revision }) => ({ shard, revision }));
      await started[0]?.close();
      for (const key of KEYS) await putAgain(second, key, "again");
      const again: string[] = [];
      for await (const { changes } of third.kv.watch({ range: { prefix: bytes("k") }, from })) {
        for (const { entry } of changes) again.push(Buffer.from(entry?.key ?? []).toString());
        if (new Set(again).size >= KEYS.length) break;
      }
      expect([...new Set(again)].sort()).toEqual(KEYS);
      expect(await keysThrough(third)).toEqual([...KEYS, "n"]);

      // Without a majority nothing is written, and that is said in the time that the client gives.
      await started[1]?.close();
      const client = new TitanClient({
        ...{ endpoints: [started[2]?.address ?? ""], discovery: false, timeoutMs: 3_000 },
      });
      try {
        await expect(client.put("k", "-", { retryUnknown: false })).rejects.toMatchObject({
          reason: expect.stringMatching(/^(NO_LEADER|NOT_LEADER|PEER_UNREACHABLE|TIMED_OUT)$/),
        });
      } finally {
        await client.close();
      }
    } finally {
      for (const { channel } of clients) channel.close();
    }
  }));

async function firstProgress({ kv }: TestClient) {
  for await (const { progress } of kv.watch({})) return progress;
  throw new Error("a watch without a frame");
}
