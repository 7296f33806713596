import { Buffer } from "node:buffer";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { formatEntryLine } from "../src/entry-line.js";
import { FakeClient } from "./fake-client.js";
import { titan } from "./rig.js";
import { TickingClock } from "./ticking-clock.js";

const scratch = mkdtempSync(join(tmpdir(), "titan-cli-export-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let folders = 0;
/** An empty folder. */
function folder(): string {
  folders += 1;
  const path = join(scratch, String(folders));
  mkdirSync(path);
  return path;
}

function store(): FakeClient {
  const client = new FakeClient();
  client.set("user:1", "Ada");
  client.set("user:2", "a\nb", 60_000);
  client.set(Buffer.of(0xff, 0), Buffer.of(0, 0xfe));
  return client;
}

const LINES = [
  '{"key":"user:1","value":"Ada"}\n',
  '{"key":"user:2","value":"a\\nb","ttlMs":60000}\n',
  '{"key":{"base64":"/wA="},"value":{"base64":"AP4="}}\n',
].join("");

describe("export", () => {
  test("prints an object per entry to standard output, and nothing else", async () => {
    const { code, stdout, stderr } = await titan(["export"], { client: store() });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: LINES, stderr: "" });
  });

  test.each([
    [["user:"], ["user:1", "user:2"]],
    [
      ["--prefix", "user:"],
      ["user:1", "user:2"],
    ],
    [["--start", "user:1", "--end", "user:2"], ["user:1"]],
    [["--hex", "ff"], [{ base64: "/wA=" }]],
  ])("%j are the keys that it gives", async (words, keys) => {
    const { stdout } = await titan(["export", ...words], { client: store() });
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { key: unknown }).key)).toEqual(keys);
  });

  test("writes the file of -o, and says how much is in it", async () => {
    const path = join(folder(), "out.ndjson");
    const { code, stdout } = await titan(["export", "-o", path], { client: store() });
    const size = Buffer.byteLength(LINES);
    expect([code, stdout]).toEqual([0, `OK: Exported 3 keys, ${size} bytes, to ${path}\n`]);
    expect(readFileSync(path, "utf8")).toBe(LINES);
  });

  test("sums up with --json, beside the lines when those are on standard output", async () => {
    const path = join(folder(), "out.ndjson");
    const bytes = Buffer.byteLength(LINES);
    const toFile = await titan(["export", "-o", path, "--json"], { client: store() });
    expect(JSON.parse(toFile.stdout)).toEqual({ exported: 3, bytes, file: path });
    const toPipe = await titan(["export", "--json"], { client: store() });
    expect(toPipe.stdout).toBe(LINES);
    expect(JSON.parse(toPipe.stderr)).toEqual({ exported: 3, bytes, file: null });
  });

  test("leaves the file of before as it was when it fails, and nothing beside it", async () => {
    const path = join(folder(), "out.ndjson");
    writeFileSync(path, "before");
    const client = store();
    const scan = client.scan;
    Object.assign(client, {
      async *scan(options: Parameters<typeof scan>[0]) {
        yield* scan({ ...options, limit: 2 });
        client.failures.push({
          ...{ code: "CLIENT_UNAVAILABLE", outcome: "not-applied", message: "gone" },
        });
        yield* scan(options);
      },
    });
    const { code, stderr } = await titan(["export", "-o", path], { client });
    expect(code).toBe(4);
    expect(stderr).toContain(`2 keys had been exported, ${path} was not written\n`);
    expect(readFileSync(path, "utf8")).toBe("before");
    expect(readdirSync(join(path, ".."))).toEqual(["out.ndjson"]);
  });

  test("replaces what a link leads to, not the link", async () => {
    const path = folder();
    writeFileSync(join(path, "real"), "before");
    symlinkSync(join(path, "real"), join(path, "link"));
    await titan(["export", "-o", join(path, "link")], { client: store() });
    expect(readFileSync(join(path, "real"), "utf8")).toBe(LINES);
    expect(readdirSync(path)).toEqual(["link", "real"]);
  });

  test("writes to a device as it is", async () => {
    const { code } = await titan(["export", "-o", "/dev/null"], { client: store() });
    expect(code).toBe(0);
    expect(readFileSync("/dev/null", "utf8")).toBe("");
  });

  test("a disk that is full is a failure with a message", async () => {
    const { code, stderr } = await titan(["export", "-o", "/dev/full"], { client: store() });
    expect(code).toBe(1);
    expect(stderr).toContain("cannot write the output: ENOSPC");
    expect(stderr).toContain("/dev/full was not written");
  });

  test.each([
    [["a", "--prefix", "b"], "give the prefix once"],
    [["-o", join(scratch, "none", "out")], "cannot write"],
    [["-o", scratch], "it is a folder"],
  ])("%j is a usage error, and writes no file", async (words, message) => {
    const { code, stderr, stdout } = await titan(["export", ...words], { client: store() });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
    expect(existsSync(join(scratch, "none"))).toBe(false);
  });

  test("Ctrl-C says how far it came", async () => {
    const client = store();
    const scan = client.scan;
    let press = (): void => {};
    Object.assign(client, {
      async *scan(options: Parameters<typeof scan>[0]) {
        yield* scan({ ...options, limit: 1 });
        press();
        yield* scan(options);
      },
    });
    const onInterrupt = (listener: () => void) => {
      press = listener;
      return () => {};
    };
    const { code, stderr } = await titan(["export"], { client, ports: { onInterrupt } });
    expect([code, stderr]).toEqual([
      130,
      "titan: interrupted; 1 key had been exported, the output is not whole\n",
    ]);
  });

  test("counts on a terminal while the lines go elsewhere, and takes the count away", async () => {
    const stage = { client: store(), isErrorTerminal: true, ports: { clock: new TickingClock() } };
    const { stderr } = await titan(["export"], stage);
    const count = (text: string): string => `\r\u001b[K${text}`;
    expect(stderr).toBe(
      [
        count("1 key  31 bytes  1/s"),
        count("2 keys  77 bytes  1/s"),
        count("3 keys  129 bytes  1/s"),
        count("titan: Exported 3 keys, 129 bytes\n"),
      ].join(""),
    );
  });

  test.each([
    ["the lines are on that terminal", { isTerminal: true, isErrorTerminal: true }, []],
    ["standard error is no terminal", {}, []],
    ["the answer is to be JSON", { isErrorTerminal: true }, ["--json"]],
    ["the terminal is dumb", { isErrorTerminal: true, env: { TERM: "dumb" } }, []],
  ])("counts nothing where %s", async (_where, stage, words) => {
    const ports = { clock: new TickingClock() };
    const { stderr } = await titan(["export", ...words], { ...stage, client: store(), ports });
    expect(stderr).not.toContain("\r");
  });
});

describe("a line of an export", () => {
  test("is base64 where its text would be longer than import reads", () => {
    const entry = { key: Buffer.from("k"), value: Buffer.alloc(100), revision: 1 };
    expect(formatEntryLine(entry, 700)).toContain("\\u0000");
    const line = formatEntryLine(entry, 200);
    expect(JSON.parse(line)).toEqual({
      key: "k",
      value: { base64: Buffer.alloc(100).toString("base64") },
    });
    expect(line.length).toBeLessThanOrEqual(200);
  });
});
