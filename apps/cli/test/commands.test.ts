import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { FakeClient } from "./fake-client.js";
import { titan } from "./rig.js";

const scratch = mkdtempSync(join(tmpdir(), "titan-cli-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

function storeOf(entries: Readonly<Record<string, string>>): FakeClient {
  const client = new FakeClient();
  for (const [key, value] of Object.entries(entries)) client.set(key, value);
  return client;
}

describe("put", () => {
  test("stores the value and says so", async () => {
    const { code, stdout, client } = await titan(["put", "greeting", "hello, world"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "OK: Stored key 'greeting'\n" });
    expect(client.valueOf("greeting")?.toString()).toBe("hello, world");
  });

  test("takes an empty value as a value", async () => {
    const { client } = await titan(["put", "k", ""]);
    expect(client.valueOf("k")).toEqual(Buffer.of());
  });

  test("reads - from standard input, byte for byte", async () => {
    const { client } = await titan(["put", "k", "-"], { stdin: ALL_BYTES });
    expect(client.valueOf("k")).toEqual(ALL_BYTES);
  });

  test("takes an empty standard input as an empty value", async () => {
    const { client } = await titan(["put", "k", "-"], { stdin: "" });
    expect(client.valueOf("k")).toEqual(Buffer.of());
  });

  test("reads --file byte for byte, whatever the encoding of arguments", async () => {
    const path = join(scratch, "value.bin");
    writeFileSync(path, ALL_BYTES);
    const { client } = await titan(["put", "--hex", "00ff", "--file", path]);
    expect(client.valueOf(Buffer.of(0, 255))).toEqual(ALL_BYTES);
  });

  test("names a file that cannot be read", async () => {
    const { code, stderr, client } = await titan(["put", "k", "--file", join(scratch, "none")]);
    expect(code).toBe(2);
    expect(stderr).toContain("cannot read");
    expect(stderr).toContain("ENOENT");
    expect(client.stored.size).toBe(0);
  });

  test("passes a time to live on in milliseconds", async () => {
    const { client } = await titan(["put", "k", "v", "--ttl", "1.5m"]);
    expect(client.stored.get("6b")?.ttlMs).toBe(90_000);
  });

  test.each([
    [["put", "k"], "the value is missing"],
    [["put", "k", "a", "b"], "too many arguments"],
    [["put", "", "v"], "the key is empty"],
    [["put", "k".repeat(65_536), "v"], "a key has at most 65535"],
    [["put", "k", "v", "--ttl", "5"], "--ttl takes a time with its unit"],
    [["put", "k", "v", "--ttl", "0s"], "--ttl must be at least 1ms"],
    [["put", "k", "v", "--file", "f"], "not both"],
    [["put", "k", "--value"], "unknown option '--value'"],
    [["put", "--hex", "0", "00"], 'the key "0" is not hex'],
    [["put", "--base64", "aGk=", "a*b"], 'the value "a*b" is not base64'],
    [["put", "--hex", "--base64", "k", "v"], "--hex or --base64, not both"],
    [["put", "bad\uFFFDkey", "v"], "not UTF-8"],
    [["put", "half\ud800", "v"], "half of a surrogate pair"],
  ])("%j is a usage error and stores nothing", async (words, message) => {
    const { code, stdout, stderr, client } = await titan(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).toContain("Usage: titan put <key> <value> [options]");
    expect(client.stored.size).toBe(0);
  });

  test("takes what begins with a dash after --, and negative numbers as they are", async () => {
    const { client } = await titan(["put", "--", "--key", "-x"]);
    expect(client.valueOf("--key")?.toString()).toBe("-x");
    const second = await titan(["put", "temperature", "-12.5"]);
    expect(second.client.valueOf("temperature")?.toString()).toBe("-12.5");
  });
});

describe("get", () => {
  const client = storeOf({ k: "hello", empty: "", multi: "a\nb\n" });
  client.set("binary", ALL_BYTES);

  test("sends a pipe the bytes and nothing else", async () => {
    expect((await titan(["get", "k"], { client })).stdout).toBe("hello");
    expect((await titan(["get", "empty"], { client })).stdout).toBe("");
    expect((await titan(["get", "binary"], { client })).stdoutBytes).toEqual(ALL_BYTES);
  });

  test("ends text with one line break on a terminal", async () => {
    const isTerminal = true;
    expect((await titan(["get", "k"], { client, isTerminal })).stdout).toBe("hello\n");
    expect((await titan(["get", "multi"], { client, isTerminal })).stdout).toBe("a\nb\n");
  });

  test("never sends control characters to a terminal, unless --raw says so", async () => {
    const evil = storeOf({ k: "\u001b]0;owned\u0007\u202e" });
    const shown = await titan(["get", "k"], { client: evil, isTerminal: true });
    expect(shown.stdout).toBe("\\x1b]0;owned\\x07\\xe2\\x80\\xae\n");
    expect(shown.stderr).toContain("--raw");
    const raw = await titan(["get", "k", "--raw"], { client: evil, isTerminal: true });
    expect(raw.stdoutBytes).toEqual(evil.valueOf("k"));
  });

  test("ends with 3 for a key that is not there, and says which", async () => {
    const { code, stdout, stderr } = await titan(["get", "nope\n"], { client });
    expect({ code, stdout, stderr }).toEqual({
      code: 3,
      stdout: "",
      stderr: "titan: Key 'nope\\n' not found\n",
    });
  });

  test("prints the value in the encoding asked for", async () => {
    const hex = await titan(["get", "--hex", "6b"], { client });
    expect(hex.stdout).toBe("68656c6c6f\n");
    const base64 = await titan(["get", "k", "--value-encoding", "base64"], { client });
    expect(base64.stdout).toBe("aGVsbG8=\n");
  });

  test("prints JSON with text as strings and other bytes as base64", async () => {
    const text = await titan(["get", "k", "--json"], { client });
    expect(JSON.parse(text.stdout)).toEqual({ found: true, key: "k", value: "hello", revision: 1 });
    const binary = await titan(["--json", "get", "binary"], { client });
    expect(JSON.parse(binary.stdout).value).toEqual({ base64: ALL_BYTES.toString("base64") });
    const missing = await titan(["get", "nope", "--json"], { client });
    expect([missing.code, missing.stdout]).toEqual([3, '{"found":false,"key":"nope"}\n']);
  });
});

describe("delete", () => {
  test("removes a key, and ends with 3 when there is none", async () => {
    const client = storeOf({ k: "v" });
    const first = await titan(["delete", "k"], { client });
    expect([first.code, first.stdout]).toEqual([0, "OK: Deleted key 'k'\n"]);
    const second = await titan(["del", "k"], { client });
    expect([second.code, second.stderr]).toEqual([
      3,
      "titan: Key 'k' not found; nothing was deleted\n",
    ]);
    const third = await titan(["delete", "k", "--ignore-missing"], { client });
    expect([third.code, third.stdout]).toEqual([0, "OK: Key 'k' was not there\n"]);
  });
});

describe("scan", () => {
  const client = storeOf({ a: "1", b1: "2", b2: "3\t3", c: "\\" });
  client.set(Buffer.of(0xff), "\n");

  test.each([
    [[], "a\t1\nb1\t2\nb2\t3\\t3\nc\t\\\\\n\\xff\t\\n\n"],
    [["b"], "b1\t2\nb2\t3\\t3\n"],
    [["--prefix", "b", "--reverse", "--keys-only"], "b2\nb1\n"],
    [["--start", "b1", "--end", "c", "-n", "1"], "b1\t2\n"],
    [["--hex", "--prefix", "ff"], "ff\t0a\n"],
    [["none"], ""],
  ])("%j prints one line per key, in byte order", async (words, expected) => {
    const { code, stdout, stderr } = await titan(["scan", ...words], { client });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: expected, stderr: "" });
  });

  test.each([
    [["--limit", "0"], "--limit takes a whole number from 1 on"],
    [["--limit", "1e3"], "--limit takes a whole number from 1 on"],
    [["a", "--prefix", "b"], "give the prefix once"],
  ])("%j is a usage error", async (words, message) => {
    const { code, stderr } = await titan(["scan", ...words], { client });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test("its JSON lines put back by batch give the same store", async () => {
    const backup = await titan(["scan", "--json"], { client });
    const restored = await titan(["batch"], { stdin: backup.stdout });
    expect(restored.stdout).toBe("OK: Applied 5 operations\n");
    const again = await titan(["scan", "--json"], { client: restored.client });
    expect(again.stdout).toBe(backup.stdout);
  });
});

describe("batch", () => {
  test("applies all lines together", async () => {
    const client = storeOf({ old: "x" });
    const stdin = [
      '{"type":"put","key":"k","value":"v","ttlMs":60000}',
      "",
      '{"type":"put","key":{"hex":"ff"},"value":{"base64":"AA=="}}\r',
      '{"type":"delete","key":"old"}',
    ].join("\n");
    const { code, stdout } = await titan(["batch", "-"], { client, stdin });
    expect([code, stdout, client.batches]).toEqual([0, "OK: Applied 3 operations\n", 1]);
    expect([...client.stored.keys()]).toEqual(["6b", "ff"]);
    expect(client.stored.get("6b")?.ttlMs).toBe(60_000);
  });

  test.each([
    ["{", "line 2: not JSON"],
    ["[]", "line 2: expected an object"],
    ['{"type":"merge","key":"k"}', 'line 2: "type" is "put" or "delete", not "merge"'],
    ['{"type":"constructor","key":"k"}', 'line 2: "type" is "put" or "delete"'],
    ['{"type":"put","value":"v"}', 'line 2: "key" is missing'],
    ['{"type":"put","key":"k"}', 'line 2: "value" is missing'],
    ['{"type":"put","key":"","value":"v"}', "line 2: the key is empty"],
    ['{"type":"put","key":5,"value":"v"}', 'line 2: "key" is a string'],
    ['{"type":"put","key":"k","value":"v","ttl":1}', 'line 2: a "put" has no field "ttl"'],
    ['{"type":"put","key":"k","value":"v","ttlMs":0}', 'line 2: "ttlMs" is a whole number'],
    ['{"type":"put","key":{"base64":"*"},"value":""}', "line 2: the key"],
    ['{"type":"put","key":"\\ud800","value":""}', 'line 2: "key" has half of a surrogate pair'],
    ["\xff", "line 2 is not UTF-8"],
  ])("refuses %s, names the line, and sends nothing", async (bad, message) => {
    const good = '{"type":"put","key":"k","value":"v"}';
    const stdin = Buffer.from(`${good}\n${bad}\n`, "latin1");
    const { code, stderr, client } = await titan(["batch"], { stdin });
    expect([code, client.batches]).toEqual([2, 0]);
    expect(stderr).toContain(message);
  });
});

describe("cas", () => {
  test("changes a key that is as expected, else says what it is and ends with 6", async () => {
    const client = storeOf({ k: "old" });
    const done = await titan(["cas", "k", "new", "--if-value", "old"], { client });
    expect([done.code, done.stdout]).toEqual([0, "OK: Changed key 'k'\n"]);
    const refused = await titan(["cas", "k", "newer", "--if-value", "old"], { client });
    expect([refused.code, refused.stdout, refused.stderr]).toEqual([
      6,
      "",
      "titan: Key 'k' has revision 2 and value 'new'; nothing was changed\n",
    ]);
    const removed = await titan(["cas", "k", "--remove", "--if-revision", "2"], { client });
    expect([removed.code, client.stored.size]).toEqual([0, 0]);
    const gone = await titan(["cas", "k", "v", "--if-present", "--json"], { client });
    expect([gone.code, gone.stdout]).toEqual([6, '{"applied":false,"key":"k","current":null}\n']);
  });

  test.each([
    [["k", "v"], "cas takes one of"],
    [["k", "v", "--if-absent", "--if-present"], "cas takes one of"],
    [["k", "--if-absent"], "the value is missing"],
    [["k", "v", "--remove", "--if-present"], "--remove takes no value"],
    [["k", "v", "--if-revision", "x"], "--if-revision takes a revision"],
  ])("%j is a usage error", async (words, message) => {
    const { code, stderr } = await titan(["cas", ...words]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("increment", () => {
  test("adds, by 1 when not said otherwise, and prints the counter", async () => {
    const client = new FakeClient();
    expect((await titan(["increment", "n"], { client })).stdout).toBe("1\n");
    expect((await titan(["incr", "n", "-5"], { client })).stdout).toBe("-4\n");
    const json = await titan(["increment", "n", "+10", "--json"], { client });
    expect(JSON.parse(json.stdout)).toEqual({ key: "n", value: 6, revision: 3 });
    expect((await titan(["increment", "n", "1.5"], { client })).code).toBe(2);
  });
});

describe("status", () => {
  test("is a small table", async () => {
    const { code, stdout } = await titan(["status"]);
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        "node        n1 at 127.0.0.1:7420",
        "version     1.2.3",
        "up for      1d 1h",
        "requests    2 under way, at most 1,024",
        "keys        1,234,567",
        "data        1.5 KiB live, 512 bytes dead",
        "data files  3",
        "disk free   64 GiB",
        "limits      key 65,535 bytes; value 4 MiB; batch 1,000 operations, 16 MiB",
        "",
      ].join("\n"),
    );
  });

  test("asks every endpoint, and one that is down does not hide the others", async () => {
    const client = new FakeClient();
    client.failures.push({
      code: "CLIENT_UNAVAILABLE",
      outcome: "not-applied",
      message: "cannot connect to a:1",
    });
    const { code, stdout, stderr } = await titan(["status", "--endpoints", "a:1,b:2"], { client });
    expect(code).toBe(4);
    expect(stderr).toContain("cannot connect to a:1");
    expect(stdout).toContain("n1 at b:2");
  });
});
