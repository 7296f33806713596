/** The real command against a real titan-node. */
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BINARY, environment, type ProcessResult, runBash, runTitan, Server } from "./process.js";

const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const scratch = mkdtempSync(join(tmpdir(), "titan-cli-"));
let server: Server;

beforeAll(async () => {
  server = await Server.start();
}, 30_000);
afterAll(async () => {
  await server.stop();
  rmSync(scratch, { recursive: true });
});

function titan(words: readonly string[], stdin?: string | Uint8Array): Promise<ProcessResult> {
  const { endpoint } = server;
  return runTitan(words, stdin === undefined ? { endpoint } : { endpoint, stdin });
}

test("the first commands of a new user", async () => {
  const put = await titan(["put", "greeting", "hello, world"]);
  expect([put.code, put.stdout.toString()]).toEqual([0, "OK: Stored key 'greeting'\n"]);
  const get = await titan(["get", "greeting"]);
  expect([get.code, get.stdout.toString(), get.stderr]).toEqual([0, "hello, world", ""]);
  const status = await titan(["status"]);
  expect([status.code, status.stderr]).toEqual([0, ""]);
  expect(status.stdout.toString()).toContain(server.endpoint);
  const removed = await titan(["delete", "greeting"]);
  expect([removed.code, removed.stdout.toString()]).toEqual([0, "OK: Deleted key 'greeting'\n"]);
  expect((await titan(["get", "greeting"])).code).toBe(3);
}, 60_000);

test("any bytes come back as they were, through standard input and through files", async () => {
  const source = join(scratch, "source");
  const target = join(scratch, "target");
  writeFileSync(source, ALL_BYTES);
  await titan(["put", "from-stdin", "-"], ALL_BYTES);
  expect((await titan(["get", "from-stdin"])).stdout).toEqual(ALL_BYTES);
  await titan(["put", "from-file", "--file", source]);
  await runBash(`titan get from-file > "${target}"`, server.endpoint);
  expect(readFileSync(target)).toEqual(ALL_BYTES);
  await titan(["put", "empty", ""]);
  const empty = await titan(["get", "empty"]);
  expect([empty.code, empty.stdout.length]).toEqual([0, 0]);
}, 60_000);

test("a key that is not UTF-8 is put, found by its prefix and removed", async () => {
  await titan(["put", "--key-encoding", "hex", "ff00fe", "bytes"]);
  const scan = await titan(["scan", "--key-encoding", "hex", "ff"]);
  expect(scan.stdout.toString()).toBe("ff00fe\tbytes\n");
  expect((await titan(["scan", "--start", "zzz"])).stdout.toString()).toBe(
    "\\xff\\x00\\xfe\tbytes\n",
  );
  expect((await titan(["delete", "--hex", "ff00fe"])).code).toBe(0);
}, 60_000);

test("the server's refusal names the limit and ends with 1", async () => {
  const status = JSON.parse((await titan(["status", "--json"])).stdout.toString()) as {
    limits: { valueBytes: number };
  };
  const largest = status.limits.valueBytes;
  const tooLarge = await titan(["put", "big", "-"], Buffer.alloc(largest + 1));
  expect(tooLarge.code).toBe(1);
  expect(tooLarge.stderr).toContain("titan status");
  expect((await titan(["put", "big", "-"], Buffer.alloc(largest))).code).toBe(0);
  expect((await titan(["get", "big"])).stdout).toHaveLength(largest);
  await titan(["delete", "big"]);
}, 30_000);

test("cas, increment and time to live reach the server", async () => {
  expect((await titan(["cas", "once", "a", "--if-absent"])).code).toBe(0);
  const second = await titan(["cas", "once", "b", "--if-absent"]);
  expect([second.code, second.stdout.length]).toEqual([6, 0]);
  expect((await titan(["increment", "n", "41"])).stdout.toString()).toBe("41\n");
  expect((await titan(["increment", "n"])).stdout.toString()).toBe("42\n");
  expect((await titan(["increment", "once"])).code).toBe(1);
  await titan(["put", "short", "lived", "--ttl", "1h"]);
  const entry = JSON.parse((await titan(["get", "short", "--json"])).stdout.toString()) as {
    ttlMs: number;
  };
  expect(entry.ttlMs).toBeGreaterThan(3_500_000);
  expect(entry.ttlMs).toBeLessThanOrEqual(3_600_000);
}, 60_000);

test("a batch of many keys, scanned into a reader that stops early", async () => {
  const lines = Array.from({ length: 1_000 }, (_, index) =>
    JSON.stringify({ type: "put", key: `many:${index}`, value: "x".repeat(500) }),
  );
  const refused = await titan(["batch"], lines.join("\n"));
  expect(refused.stderr).toContain("several shards");
  expect((await titan(["scan", "many:"])).stdout.toString()).toBe("");
  const batch = await titan(["batch", "--non-atomic"], lines.join("\n"));
  expect([batch.stderr, batch.code]).toEqual(["", 0]);
  const head = await runBash("titan scan many: | head -1", server.endpoint);
  expect([head.code, head.stderr]).toEqual([0, ""]);
  expect(head.stdout.toString()).toMatch(/^many:0\tx+\n$/);
  const all = await runBash("titan scan many: --keys-only | wc -l", server.endpoint);
  expect(all.stdout.toString().trim()).toBe("1000");
}, 60_000);

test("status --watch goes on until its reader has seen enough", async () => {
  const script = "titan status --watch --interval 10ms --json | head -2";
  const { code, stdout, stderr } = await runBash(script, server.endpoint);
  expect([code, stderr]).toEqual([0, ""]);
  const looks = stdout.toString().trimEnd().split("\n");
  expect(looks.map((line): unknown => JSON.parse(line))).toMatchObject([
    { available: true, endpoint: server.endpoint },
    { available: true, endpoint: server.endpoint },
  ]);
}, 30_000);

test("doctor finds no problem with a server that is well, and one with a server that is not there", async () => {
  const well = await titan(["doctor"]);
  expect([well.code, well.stderr]).toEqual([0, ""]);
  expect(well.stdout.toString()).toContain(`answers at ${server.endpoint}`);
  const words = ["doctor", "--json", "--endpoint", `${server.endpoint},127.0.0.1:1`];
  const unwell = await titan(words);
  expect(unwell.code).toBe(7);
  const { findings } = JSON.parse(unwell.stdout.toString()) as { findings: unknown[] };
  expect(findings[0]).toMatchObject({ severity: "problem", check: "endpoint" });
}, 30_000);

test("bench measures at its rate, and leaves nothing behind", async () => {
  await titan(["put", "titan-bench/mine", "stays"]);
  const words = ["--rate", "200", "--duration", "500ms", "--mix", "get=1,put=1", "--json"];
  const { code, stdout, stderr } = await titan(["bench", ...words]);
  expect([code, stderr]).toEqual([0, ""]);
  const result = JSON.parse(stdout.toString()) as {
    operations: { count: number }[];
    notSent: number;
    unanswered: number;
  };
  const { operations, notSent, unanswered } = result;
  expect(operations.reduce((sum, { count }) => sum + count, notSent + unanswered)).toBe(100);
  const left = await titan(["scan", "titan-bench/", "--keys-only"]);
  expect(left.stdout.toString()).toBe("titan-bench/mine\n");
}, 30_000);

test("an export that is imported into another keyspace is the same, byte for byte", async () => {
  const exported = join(scratch, "exported.ndjson");
  const again = join(scratch, "again.ndjson");
  await titan(["put", "--key-encoding", "base64", ALL_BYTES.toString("base64"), "-"], ALL_BYTES);
  const lines = Array.from({ length: 3_000 }, (_, n) => `{"key":"trip:${n}","value":"é${n}"}\n`);
  expect(await titan(["import"], lines.join(""))).toMatchObject({ code: 0, stderr: "" });
  expect((await titan(["export", "-o", exported])).code).toBe(0);
  expect((await titan(["keyspace", "create", "copy"])).code).toBe(0);
  const imported = await titan(["import", exported, "--keyspace", "copy", "--json"]);
  expect([imported.stderr, imported.code]).toEqual(["", 0]);
  await titan(["export", "--keyspace", "copy", "-o", again]);
  const withoutTtl = (path: string): string =>
    readFileSync(path, "utf8").replaceAll(/,"ttlMs":\d+/g, "");
  expect(withoutTtl(again)).toBe(withoutTtl(exported));
  expect(withoutTtl(exported).split("\n").length).toBeGreaterThan(3_001);
}, 60_000);

test("an import that meets a value too large names its line", async () => {
  const big = JSON.stringify({ key: "big", value: "x".repeat(5 * 1024 * 1024) });
  const stdin = `{"key":"small","value":"1"}\n${big}\n`;
  const { code, stderr } = await titan(["import"], stdin);
  expect(code).toBe(1);
  expect(stderr).toContain("line 2: ");
  expect(stderr).toContain("1 key was written; those up to line 1 are among them");
}, 30_000);

test("a lock is held by one command at a time, and freed when that ends", async () => {
  const script = [
    // Whoever comes while another is inside sees its file.
    `enter='test ! -e "$0" && touch "$0" && sleep 0.2 && rm "$0" && echo $TITAN_LOCK_TOKEN'`,
    `for n in 1 2 3; do titan lock gate -- sh -c "$enter" "${join(scratch, "inside")}" & done`,
    "wait",
    "titan lock gate --no-wait -- sh -c 'cat; exit 9' <<< input; echo $?",
    "titan lock gate -- sh -c 'kill -TERM $$'; echo $?",
    "titan get gate; echo $?",
  ];
  const { stdout, stderr } = await runBash(script.join("\n"), server.endpoint);
  const lines = stdout.toString().trimEnd().split("\n");
  const tokens = lines.slice(0, 3).map(Number);
  expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
  expect(lines.slice(3)).toEqual(["input", "9", "143", "3"]);
  expect(stderr).toBe("titan: Key 'gate' not found\n");
}, 60_000);

test("a lock that is taken away ends the command with it", async () => {
  const args = [BINARY, "lock", "taken", "--ttl", "1s", "--", "sh", "-c", "echo in; exec sleep 60"];
  const child = spawn(process.execPath, args, { env: environment(server.endpoint) });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, "close") as Promise<[number | null]>;
  await once(child.stdout, "data");
  await titan(["delete", "taken"]);
  expect(await ended).toEqual([122, null]);
  expect(stderr).toContain("somebody took it away; the command was ended");
}, 30_000);

test("SIGINT and SIGTERM reach the command, whose answer to them is the exit code", async () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const wait = "trap 'exit 40' INT; trap 'exit 41' TERM; echo in; while :; do sleep 0.02; done";
    const args = [BINARY, "lock", "signals", "--", "sh", "-c", wait];
    const child = spawn(process.execPath, args, { env: environment(server.endpoint) });
    const ended = once(child, "close");
    await once(child.stdout, "data");
    child.kill(signal);
    expect(await ended).toEqual([signal === "SIGINT" ? 40 : 41, null]);
    expect((await titan(["get", "signals"])).code).toBe(3);
  }
  const none = await titan(["lock", "signals", "--", "no-such-command"]);
  expect(none.code).toBe(127);
  expect(none.stderr).toContain("no command is called 'no-such-command'");
}, 30_000);

test("a full disk behind the output is a failure", async () => {
  const { code, stderr } = await runBash("titan scan > /dev/full", server.endpoint);
  expect(code).toBe(1);
  expect(stderr).toContain("ENOSPC");
}, 30_000);

test("the shell takes lines from a pipe", async () => {
  const { code, stdout } = await titan([], 'PUT s "a b"\nGET s\nDELETE s\nGET s\nQUIT\n');
  expect(code).toBe(3);
  expect(stdout.toString()).toBe(
    "OK: Stored key 's'\nValue: a b\nOK: Deleted key 's'\nKey 's' not found\nGoodbye!\n",
  );
}, 30_000);

test("a write that a frozen server may have taken ends the script with 5", async () => {
  const args = [BINARY, "--timeout", "2s"];
  const child = spawn(process.execPath, args, { env: environment(server.endpoint) });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, "close") as Promise<[number | null]>;
  child.stdin.write("PUT frozen before\n");
  await once(child.stdout, "data");
  server.freeze();
  child.stdin.on("error", () => {});
  child.stdin.write("PUT frozen after\nPUT frozen never\n");
  const [code] = await ended;
  server.thaw();
  expect([code, stdout]).toEqual([5, "OK: Stored key 'frozen'\n"]);
  expect(stderr).toContain("line 2: ");
  expect(stderr).toContain("may or may not have happened");
  expect((await titan(["get", "frozen"])).stdout.toString()).toMatch(/^(before|after)$/);
}, 30_000);
