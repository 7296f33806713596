import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { type ClientErrorInit, FakeClient } from "./fake-client.js";
import { titan } from "./rig.js";

const DOWN: ClientErrorInit = {
  code: "CLIENT_UNAVAILABLE",
  outcome: "not-applied",
  message: "cannot connect to 127.0.0.1:7420 (connect ECONNREFUSED 127.0.0.1:7420)",
};

function failing(...failures: ClientErrorInit[]): FakeClient {
  const client = new FakeClient();
  client.failures.push(...failures);
  return client;
}

describe("failed calls", () => {
  test("a server that is down: 4, its address, and how to start one", async () => {
    const { code, stdout, stderr } = await titan(["get", "k"], { client: failing(DOWN) });
    expect([code, stdout]).toEqual([4, ""]);
    expect(stderr).toContain("127.0.0.1:7420");
    expect(stderr).toContain("npm start");
    expect(stderr).toContain("--endpoint");
  });

  test("a write that may have happened: 5, and a look before it is repeated", async () => {
    const client = failing({ ...DOWN, code: "CLIENT_TIMEOUT", outcome: "unknown" });
    const { code, stderr } = await titan(["put", "k", "v"], { client });
    expect(code).toBe(5);
    expect(stderr).toContain("may or may not have happened");
  });

  test.each([
    [{ code: "CLIENT_TIMEOUT" as const }, 4, "--timeout"],
    [{ code: "CLIENT_OVERLOADED" as const, reason: "OVERLOADED" }, 4, "Wait a little"],
    [{ code: "CLIENT_INVALID_ARGUMENT" as const, reason: "VALUE_TOO_LARGE" }, 1, "titan status"],
    [{ code: "CLIENT_RESOURCE_EXHAUSTED" as const, reason: "DISK_FULL" }, 1, "Free space"],
    [{ code: "CLIENT_FAILED_PRECONDITION" as const, reason: "NOT_A_COUNTER" }, 1, "whole numbers"],
    [{ code: "CLIENT_UNAVAILABLE" as const, reason: "STORE_FAILED" }, 4, "restart"],
    [{ code: "CLIENT_ABORTED" as const }, 130, ""],
  ])("%j ends with %i and advice", async (failure, expected, advice) => {
    const client = failing({ outcome: "not-applied", message: "it failed", ...failure });
    const { code, stderr } = await titan(["put", "k", "v"], { client });
    expect(code).toBe(expected);
    // Who was asked is named where nobody answered.
    expect(stderr).toContain(expected === 4 ? "it failed (127.0.0.1:7420)\n" : "it failed\n");
    expect(stderr).toContain(advice);
  });

  test("are JSON with --json, on standard error", async () => {
    const client = failing({ ...DOWN, reason: "STORE_FAILED" });
    const { code, stdout, stderr } = await titan(["--json", "get", "k"], { client });
    expect([code, stdout]).toEqual([4, ""]);
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: "CLIENT_UNAVAILABLE",
        reason: "STORE_FAILED",
        outcome: "not-applied",
        exitCode: 4,
        message: DOWN.message,
        advice: expect.stringContaining("restart"),
      },
    });
  });

  test("an error that nobody foresaw is called a defect, never a usage error", async () => {
    const ports = { openClient: () => Promise.reject(new TypeError("x is not a function")) };
    const { code, stderr } = await titan(["get", "k"], { ports });
    expect(code).toBe(1);
    expect(stderr).toContain("x is not a function");
    expect(stderr).toContain("report it");
  });

  test("the connection is closed, whatever happened", async () => {
    const { client } = await titan(["get", "k"], { client: failing(DOWN) });
    expect(client.closed).toHaveLength(1);
  });
});

describe("usage errors", () => {
  test("suggest what was meant", async () => {
    const { code, stderr } = await titan(["putt", "k", "v"]);
    expect(code).toBe(2);
    expect(stderr).toContain("unknown command 'putt'");
    expect(stderr).toContain("Did you mean put?");
  });

  test("help for a command that is not there says so", async () => {
    const { code, stdout, stderr } = await titan(["help", "frob"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toBe("titan: no command is called 'frob'; titan help lists them\n");
  });

  test("are JSON with --json, even when nothing else could be parsed", async () => {
    const { stderr } = await titan(["--json", "--bogus", "get", "k"]);
    expect(JSON.parse(stderr).error).toMatchObject({ code: "USAGE", exitCode: 2 });
  });

  test.each(["5", "0s", "-1s", "abc", "25h"])("--timeout %s is refused", async (timeout) => {
    expect((await titan(["get", "k", `--timeout=${timeout}`])).code).toBe(2);
  });
});

describe("help and version", () => {
  test("go to standard output and end with 0", async () => {
    expect(await titan(["--version"])).toMatchObject({ code: 0, stdout: "9.9.9\n", stderr: "" });
    const help = await titan(["--help"]);
    expect(help.code).toBe(0);
    for (const command of [
      "put",
      "get",
      "delete",
      "scan",
      "batch",
      "cas",
      "increment",
      "status",
      "members",
      "shards",
      "leave",
      "transfer",
      "balancer",
    ]) {
      expect(help.stdout).toContain(`  ${command}`);
    }
    const forPut = await titan(["help", "put"]);
    expect(forPut.stdout).toContain("Usage: titan put <key> <value> [options]");
    expect((await titan(["put", "--help"])).stdout).toBe(forPut.stdout);
  });
});

describe("where to", () => {
  const opened = async (words: readonly string[], endpoints?: string): Promise<unknown> =>
    (await titan([...words, "get", "k"], { env: { TITAN_ENDPOINTS: endpoints } })).opened[0];

  test("the option wins over the environment, that over the default", async () => {
    const timeoutMs = 5_000;
    expect(await opened([])).toEqual({ endpoints: ["127.0.0.1:7420"], timeoutMs });
    expect(await opened([], "a:1, b:2")).toEqual({ endpoints: ["a:1", "b:2"], timeoutMs });
    expect(await opened([], " ")).toEqual({ endpoints: ["127.0.0.1:7420"], timeoutMs });
    expect(await opened(["--endpoint", "c:3", "--endpoints", "d:4,e:5"], "a:1")).toEqual({
      endpoints: ["c:3", "d:4", "e:5"],
      timeoutMs,
    });
    expect(await opened(["--timeout", "250ms"])).toMatchObject({ timeoutMs: 250 });
  });
});

describe("colours", () => {
  const stored = async (words: readonly string[], env: Record<string, string>, isTerminal = true) =>
    (await titan([...words, "put", "k", "v"], { env, isTerminal })).stdout;
  const COLOURED = "\u001b[32mOK:\u001b[39m Stored key 'k'\n";
  const PLAIN = "OK: Stored key 'k'\n";

  test("only a terminal gets them, unless told otherwise", async () => {
    expect(await stored([], {})).toBe(COLOURED);
    expect(await stored([], {}, false)).toBe(PLAIN);
    expect(await stored([], { NO_COLOR: "1" })).toBe(PLAIN);
    expect(await stored([], { NO_COLOR: "" })).toBe(COLOURED);
    expect(await stored([], { TERM: "dumb" })).toBe(PLAIN);
    expect(await stored(["--no-color"], {})).toBe(PLAIN);
    expect(await stored(["--color"], { NO_COLOR: "1" }, false)).toBe(COLOURED);
    expect(await stored([], { FORCE_COLOR: "1" }, false)).toBe(COLOURED);
  });
});

describe("output that cannot be written", () => {
  function broken(code: string): Writable {
    return new Writable({
      write(_chunk, _encoding, done) {
        done(Object.assign(new Error(`${code}: broken`), { code }));
      },
    });
  }

  function manyKeys(): FakeClient {
    const client = new FakeClient();
    for (let index = 0; index < 10_000; index++) client.set(`key-${index}`, "x".repeat(100));
    return client;
  }

  test("a reader that went away ends the scan early, quietly and with 0", async () => {
    let given = 0;
    const client = manyKeys();
    const scan = client.scan.bind(client) as unknown as () => AsyncGenerator;
    const counted = Object.assign(client, {
      async *scan() {
        for await (const entry of scan()) {
          given += 1;
          yield entry;
        }
      },
    }) as unknown as FakeClient;
    const { code, stderr } = await titan(["scan"], {
      client: counted,
      ports: { stdout: broken("EPIPE") },
    });
    expect([code, stderr]).toEqual([0, ""]);
    expect(given).toBeLessThan(10_000);
  });

  test("a reader that went away ends a scan that waits for its server", async () => {
    const client = new FakeClient();
    client.set("k", "v");
    const scan = client.scan;
    const stalling = Object.assign(client, {
      async *scan(options: Parameters<typeof scan>[0]) {
        yield* scan(options);
        client.gate = new Promise(() => {});
        yield* scan(options);
      },
    }) as unknown as FakeClient;
    const ports = { stdout: broken("EPIPE") };
    const { code, stderr } = await titan(["scan"], { client: stalling, ports });
    expect([code, stderr]).toEqual([0, ""]);
  });

  test("a full disk is a failure with a message", async () => {
    const ports = { stdout: broken("ENOSPC") };
    const { code, stderr } = await titan(["scan"], { client: manyKeys(), ports });
    expect(code).toBe(1);
    expect(stderr).toContain("cannot write the output: ENOSPC");
  });
});
