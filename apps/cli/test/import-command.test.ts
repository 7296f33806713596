import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import type { PutOptions } from "@titan/client";
import { ClientError } from "@titan/client";
import { afterAll, describe, expect, test } from "vitest";
import { FakeClient } from "./fake-client.js";
import { titan } from "./rig.js";
import { TickingClock } from "./ticking-clock.js";

const scratch = mkdtempSync(join(tmpdir(), "titan-cli-import-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function linesOf(count: number): string {
  return Array.from({ length: count }, (_, index) => `{"key":"k${index + 1}","value":"v"}\n`).join(
    "",
  );
}

/** Puts wait until they are let go, and fail as their value says. */
class HeldClient extends FakeClient {
  most = 0;
  readonly done: string[] = [];
  private readonly held: (() => void)[] = [];

  override async put(key: Uint8Array, value: Uint8Array, options: PutOptions = {}) {
    await new Promise<void>((resolve, reject) => {
      this.held.push(resolve);
      this.most = Math.max(this.most, this.held.length);
      options.signal?.addEventListener("abort", () => reject(failure("unknown")));
    });
    const text = Buffer.from(value).toString();
    this.done.push(`${Buffer.from(key).toString()}=${text}`);
    if (text === "refused") throw failure("not-applied");
    if (text === "lost") throw failure("unknown");
    return super.put(key, value, options);
  }

  /** Lets go what is held, the last first, until `ended`. */
  async serve<Result>(ended: Promise<Result>): Promise<Result> {
    const end = new AbortController();
    void ended.then(() => end.abort());
    while (!end.signal.aborted) {
      for (const release of this.held.splice(0).reverse()) release();
      await turn();
    }
    return ended;
  }
}

function failure(outcome: "not-applied" | "unknown"): ClientError {
  const isRefused = outcome === "not-applied";
  return new ClientError({
    code: isRefused ? "CLIENT_INVALID_ARGUMENT" : "CLIENT_TIMEOUT",
    ...(isRefused ? { reason: "VALUE_TOO_LARGE" } : {}),
    outcome,
    message: isRefused ? "too large" : "no answer in time",
  });
}

describe("import", () => {
  test("stores what export wrote, byte for byte, with the time left to live", async () => {
    const client = new FakeClient();
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const odd = ["\ufeffbom", "\ufffd", "\u2028\u2029", '\0\n\r\t"\\', "é😀", "{}", " "];
    for (const text of odd) client.set(`k${text}`, text, 60_000);
    for (const byte of all) client.set(Buffer.of(byte), Buffer.of(byte));
    client.set("empty", "");
    client.set(all, all);
    const path = join(scratch, "all.ndjson");
    await titan(["export", "-o", path], { client });
    const restored = await titan(["import", path]);
    expect(restored).toMatchObject({ code: 0, stdout: "OK: Imported 265 keys\n" });
    const of = ({ stored }: FakeClient) =>
      new Map([...stored].map(([name, { value, ttlMs }]) => [name, [Buffer.from(value), ttlMs]]));
    expect(of(restored.client)).toEqual(of(client));
  });

  test("takes lines of scan --json, other encodings, empty lines and standard input", async () => {
    const stdin = [
      '{"key":"a","value":"1","revision":7}\r',
      "",
      '{"type":"put","key":{"hex":"ff"},"value":{"base64":"AA=="},"ttlMs":5}',
    ].join("\n");
    for (const words of [["import"], ["import", "-"]]) {
      const { code, stdout, client } = await titan(words, { stdin });
      expect([code, stdout]).toEqual([0, "OK: Imported 2 keys\n"]);
      expect([...client.stored.keys()]).toEqual(["61", "ff"]);
      expect(client.stored.get("ff")?.ttlMs).toBe(5);
    }
  });

  test("goes into the keyspace that is named, and sums up with --json", async () => {
    const stdin = linesOf(3);
    const words = ["import", "--keyspace", "copy", "--json"];
    const { client, stdout } = await titan(words, { stdin });
    expect(client.keyspaces.get("copy")?.stored.size).toBe(3);
    expect(JSON.parse(stdout)).toEqual({
      ...{ imported: 3, checked: 3, bytes: stdin.length, dryRun: false },
    });
  });

  test("has many puts under way at once, but never more than 512", async () => {
    const client = new HeldClient();
    const { code } = await client.serve(titan(["import"], { client, stdin: linesOf(2_000) }));
    expect([code, client.stored.size, client.most]).toEqual([0, 2_000, 512]);
  });

  test("has at most 8 MiB of values under way, and a larger one by itself", async () => {
    const client = new HeldClient();
    const line = (key: string, mib: number): string =>
      `${JSON.stringify({ key, value: "x".repeat(mib * 1024 * 1024) })}\n`;
    const stdin = line("a", 3) + line("b", 3) + line("c", 3) + line("d", 9) + line("e", 1);
    const { code } = await client.serve(titan(["import"], { client, stdin }));
    expect([code, client.stored.size, client.most]).toEqual([0, 5, 2]);
  });

  test("reads no further ahead than its puts get", async () => {
    const client = new HeldClient();
    let given = 0;
    function* source(): Generator<Buffer> {
      for (; given < 100_000; given++) yield Buffer.from(linesOf(1));
    }
    const stdin = Readable.from(source(), { objectMode: false, highWaterMark: 64 });
    const ended = titan(["import"], { client, ports: { stdin } });
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(given).toBeLessThan(1_000);
    given = 100_000;
    await client.serve(ended);
  });

  test("of two lines with one key the later one stays", async () => {
    const client = new HeldClient();
    const stdin = ["1", "2", "3"].map((value) => `{"key":"k","value":"${value}"}\n`).join("");
    await client.serve(titan(["import"], { client, stdin: linesOf(10) + stdin + linesOf(10) }));
    expect(client.done.filter((put) => put.startsWith("k="))).toEqual(["k=1", "k=2", "k=3"]);
    expect(client.valueOf("k")?.toString()).toBe("3");
  });
});

describe("import --dry-run", () => {
  test("checks the lines and stores nothing", async () => {
    const { code, stdout, client } = await titan(["import", "--dry-run"], { stdin: linesOf(3) });
    expect([code, stdout]).toEqual([0, "OK: Checked 3 keys; nothing was written\n"]);
    expect(client.stored.size).toBe(0);
    const json = await titan(["import", "--dry-run", "--json"], { stdin: linesOf(3) });
    expect(JSON.parse(json.stdout)).toMatchObject({ imported: 0, checked: 3, dryRun: true });
  });

  test("names a line that is wrong, also far behind", async () => {
    const stdin = `${linesOf(5_000)}{"key":"k"}\n`;
    const { code, stderr, client } = await titan(["import", "--dry-run"], { stdin });
    expect([code, client.stored.size]).toEqual([2, 0]);
    expect(stderr).toContain('line 5001: "value" is missing');
  });
});

describe("an import that fails", () => {
  test.each([
    ["{", "line 1: not JSON"],
    ["[]", "line 1: expected an object"],
    ['{"type":"delete","key":"k"}', 'line 1: "type" is "put", not "delete"'],
    ['{"key":"k"}', 'line 1: "value" is missing'],
    ['{"key":"","value":"v"}', "line 1: the key is empty"],
    ['{"key":"k","value":"v","ttl":1}', 'line 1: a "put" has no field "ttl"'],
    ['{"key":"k","value":"v","ttlMs":0}', 'line 1: "ttlMs" is a whole number'],
    ['{"key":{"base64":"*"},"value":""}', "line 1: the key"],
    ["\xff", "line 1 is not UTF-8"],
  ])("at %s names the line and sends nothing of it", async (bad, message) => {
    const stdin = Buffer.from(`${bad}\n${linesOf(1)}`, "latin1");
    const { code, stderr, client } = await titan(["import"], { stdin });
    expect([code, client.stored.size]).toEqual([2, 0]);
    expect(stderr).toContain(message);
    expect(stderr).toContain("Usage: titan import [file] [options]");
  });

  test("at a wrong line says what was written before it, with 2", async () => {
    const stdin = `${linesOf(3)}oops\n${linesOf(1)}`;
    const { code, stderr, client } = await titan(["import"], { stdin });
    expect([code, client.stored.size]).toEqual([2, 3]);
    expect(stderr).toContain("line 4: not JSON");
    expect(stderr).toContain("; 3 keys were written; those up to line 3 are among them\n");
    expect(stderr).toContain("The import can be repeated");
  });

  test("because the server refuses a value names the line, with 1", async () => {
    const client = new HeldClient();
    const stdin = `${linesOf(2)}{"key":"big","value":"refused"}\n${linesOf(2)}`;
    const { code, stderr } = await client.serve(titan(["import"], { client, stdin }));
    expect(code).toBe(1);
    expect(stderr).toContain(
      "line 3: too large; 2 keys were written; those up to line 2 are among them\n",
    );
    expect(stderr).toContain("titan status");
  });

  test("without knowing what happened says of how many that is so, with 5", async () => {
    const client = new HeldClient();
    const lost = '{"key":"x","value":"lost"}\n{"key":"y","value":"lost"}\n';
    const stdin = linesOf(1) + lost + linesOf(4).slice(linesOf(1).length);
    const words = ["import", "--json"];
    const { code, stderr } = await client.serve(titan(words, { client, stdin }));
    expect(code).toBe(5);
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: "CLIENT_TIMEOUT",
        message:
          "no answer in time (127.0.0.1:7420); 4 keys were written, 2 more may have been; " +
          "those up to line 1 are among them",
        advice: "The import can be repeated: keys that are stored already are stored again.",
        outcome: "unknown",
        exitCode: 5,
        soFar: { applied: 4, unknown: 2, wholeUpToLine: 1 },
      },
    });
  });

  test("because nobody answers ends with 4, and sends no more", async () => {
    const client = new FakeClient();
    const down = { code: "CLIENT_UNAVAILABLE", outcome: "not-applied", message: "down" } as const;
    client.failures.push(...Array.from({ length: 600 }, () => down));
    const { code, stderr } = await titan(["import"], { client, stdin: linesOf(5_000) });
    expect(code).toBe(4);
    expect(stderr).toContain("down (127.0.0.1:7420); nothing was written\n");
    expect(client.stored.size).toBe(0);
  });

  test("because the file cannot be read says so", async () => {
    const { code, stderr } = await titan(["import", join(scratch, "none")]);
    expect(code).toBe(2);
    expect(stderr).toContain("cannot read");
  });
});

describe("an import that is watched", () => {
  test("Ctrl-C says how far it came", async () => {
    const client = new FakeClient();
    let press = (): void => {};
    const onInterrupt = (listener: () => void) => {
      press = listener;
      return () => {};
    };
    const stdin = new PassThrough();
    const ended = titan(["import"], { client, ports: { onInterrupt, stdin } });
    stdin.write(linesOf(3));
    while (client.stored.size < 3) await turn();
    press();
    const { code, stderr } = await ended;
    expect(code).toBe(130);
    expect(stderr).toContain(
      "interrupted; 3 keys were written; those up to line 3 are among them\n",
    );
  });

  test("Ctrl-C counts puts that were under way as unknown", async () => {
    const client = new HeldClient();
    let press = (): void => {};
    const onInterrupt = (listener: () => void) => {
      press = listener;
      return () => {};
    };
    const ended = titan(["import"], { client, stdin: linesOf(3), ports: { onInterrupt } });
    while (client.most < 3) await turn();
    press();
    const { code, stderr } = await ended;
    expect(code).toBe(130);
    expect(stderr).toContain("interrupted; 0 keys were written, 3 more may have been\n");
  });

  test("shows a bar where the size of the input is known, else a count", async () => {
    const path = join(scratch, "bar.ndjson");
    writeFileSync(path, linesOf(2));
    const stage = { isErrorTerminal: true };
    const bar = await titan(["import", path], { ...stage, ports: { clock: new TickingClock() } });
    expect(bar.stderr).toContain("\r\u001b[K[########################]  100%  1 key  1/s\r");
    expect(bar.stderr.endsWith("\r\u001b[K")).toBe(true);
    expect(bar.stdout).toBe("OK: Imported 2 keys\n");
    const ports = { clock: new TickingClock() };
    const count = await titan(["import"], { ...stage, stdin: linesOf(2), ports });
    expect(count.stderr).toContain("\r\u001b[K2 keys  50 bytes  1/s");
    const quiet = await titan(["import", path], { ports });
    expect(quiet.stderr).toBe("");
  });
});
