import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { FakeClient } from "./fake-client.js";
import { titan } from "./rig.js";

function changing(): FakeClient {
  const client = new FakeClient();
  const key = Buffer.from("a\tb");
  client.changes.push(
    { type: "progress", position: [{ shard: 0, revision: 4 }] },
    { type: "put", shard: 0, key, value: Buffer.from("1"), revision: 5, ttlMs: 90 },
    { type: "delete", shard: 0, key, revision: 6 },
    { type: "progress", position: [{ shard: 0, revision: 6 }] },
    { type: "expire", shard: 1, key: Buffer.of(0xff), revision: 2 },
  );
  return client;
}

describe("watch", () => {
  test("prints one line per change, and ends at its limit", async () => {
    const { code, stdout, stderr } = await titan(["watch", "-n", "3"], { client: changing() });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe("put\ta\\tb\t1\ndelete\ta\\tb\nexpire\t\\xff\n");
  });

  test("tells a person when it has begun", async () => {
    const stage = { client: changing(), isTerminal: true };
    const { stderr } = await titan(["watch", "-n", "3"], stage);
    expect(stderr).toBe("watching; Ctrl-C ends it\n");
  });

  test("prints an object per change and per position with --json", async () => {
    const { stdout } = await titan(["watch", "-n", "3", "--json"], { client: changing() });
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
      { type: "progress", position: [{ shard: 0, revision: 4 }] },
      { type: "put", key: "a\tb", value: "1", revision: 5, ttlMs: 90, shard: 0 },
      { type: "delete", key: "a\tb", revision: 6, shard: 0 },
      { type: "progress", position: [{ shard: 0, revision: 6 }] },
      { type: "expire", key: { base64: "/w==" }, revision: 2, shard: 1 },
    ]);
  });

  test.each([
    [["k", "--keys-only"], { prefix: Buffer.from("k"), keysOnly: true }],
    [["--key", "k"], { key: Buffer.from("k"), keysOnly: false }],
    [
      ["--start", "a", "--from", '[{"shard":1,"revision":7}]'],
      { start: Buffer.from("a"), from: [{ shard: 1, revision: 7 }] },
    ],
  ])("%j asks for what was said", async (words, options) => {
    const { client } = await titan(["watch", ...words, "-n", "1"], { client: changing() });
    expect(client.watches).toMatchObject([options]);
  });

  test.each([
    [["k", "--prefix", "k"], "give the prefix once"],
    [["k", "--key", "k"], "give --key, or a prefix and bounds"],
    [["-n", "0"], "--limit takes a whole number from 1 on"],
    [["--from", "7"], "--from takes a position"],
    [["--from", '[{"shard":0}]'], "--from takes a position"],
  ])("%j is a usage error", async (words, message) => {
    const { code, stderr, client } = await titan(["watch", ...words], { client: changing() });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(client.watches).toEqual([]);
  });

  test("ends with Ctrl-C, and with a failure that says so", async () => {
    let press = (): void => {};
    const onInterrupt = (listener: () => void) => {
      press = listener;
      return () => {};
    };
    const ended = titan(["watch"], { client: changing(), ports: { onInterrupt } });
    await new Promise((resolve) => setTimeout(resolve, 50));
    press();
    expect(await ended).toMatchObject({ code: 130, stdout: expect.stringContaining("expire") });

    const client = new FakeClient();
    client.changes.push(...changing().changes);
    client.failures.push({
      ...{ code: "CLIENT_COMPACTED", outcome: "not-applied", message: "gone" },
    });
    const { code, stderr } = await titan(["watch"], { client });
    expect(code).toBe(1);
    expect(stderr).toContain("gone");
  });
});
