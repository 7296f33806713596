import { ClientError } from "@titan/client";
import { describe, expect, test } from "vitest";
import { type ClientErrorInit, FakeClient } from "./fake-client.js";
import { type Stage, titan } from "./rig.js";
import { passTime, turn, VirtualClock } from "./virtual-clock.js";

const OPEN = ["--rate", "10", "--duration", "1s"];
const TIMEOUT: ClientErrorInit = {
  ...{ code: "CLIENT_TIMEOUT", outcome: "unknown", message: "no answer within 5000 ms" },
};
const OVERLOADED: ClientErrorInit = {
  ...{ code: "CLIENT_OVERLOADED", outcome: "not-applied", message: "too much at once" },
};

/** Runs `titan bench ...words` while time passes as fast as it can. */
function bench(words: readonly string[], stage: Stage = {}, clock = new VirtualClock()) {
  const ports = { clock, ...stage.ports };
  return passTime(clock, titan(["bench", ...words], { ...stage, ports }));
}

const keysOf = (client: FakeClient): string[] =>
  [...client.stored.values()].map(({ key }) => Buffer.from(key).toString()).toSorted();

describe("bench", () => {
  test("prints a table of what it measured", async () => {
    const { code, stdout, stderr } = await bench([...OPEN, "--mix", "put=1", "--keys", "1"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(
      [
        "CALLS OF  COUNT  PER SECOND  P50 MS  P90   P99   P99.9  MAX   FAILED",
        "put       10     10.0        0.00    0.00  0.00  0.00   0.00  0",
        "",
        "10.0 calls per second of 10 wanted, in 1.0 s",
        "",
      ].join("\n"),
    );
  });

  test("prints one object with --json", async () => {
    const words = [...OPEN, "--mix", "get=1,put=3", "--distribution", "zipf", "--json"];
    const { code, stdout } = await bench(words);
    expect([code, stdout.split("\n").length]).toEqual([0, 2]);
    const { operations, ...result } = JSON.parse(stdout) as { operations: { count: number }[] };
    expect(result).toEqual({
      plan: {
        ...{ ratePerSecond: 10, maxInFlight: 256, durationMs: 1_000, mix: { get: 1, put: 3 } },
        ...{ prefix: "titan-bench/", keyCount: 10_000, valueBytes: 100, distribution: "zipf" },
      },
      ...{ elapsedMs: 1_000, perSecond: 10, notSent: 0, unanswered: 0, isInterrupted: false },
    });
    expect(operations).toMatchObject([
      { operation: "get", latencyMs: { p50: 0, p90: 0, p99: 0, p999: 0, max: 0 }, errors: {} },
      { operation: "put", missing: 0 },
    ]);
    expect(operations.reduce((sum, { count }) => sum + count, 0)).toBe(10);
  });

  test("without --rate its callers call again once they are answered", async () => {
    const client = new FakeClient();
    const clock = new VirtualClock();
    // The first look at the server and 3 callers wait for this; then nothing takes any time, and time does not pass.
    const done = bench(["--callers", "3", "--mix", "get=1", "--duration", "1s"], { client }, clock);
    await turn();
    client.gate = new Promise((resolve) => clock.schedule(1_500, resolve));
    const { code, stdout } = await done;
    expect(code).toBe(0);
    expect(client.calls).toBeGreaterThanOrEqual(4);
    expect(stdout).toContain("calls per second, in 1.5 s");
  });

  test("says how many gets found nothing", async () => {
    const { stdout } = await bench([...OPEN, "--mix", "get=1"]);
    expect(stdout).toContain("10 of 10 calls of get found no value\n");
  });

  test("counts what failed by its code, gives an example, and ends with 1", async () => {
    const client = new FakeClient();
    const clock = new VirtualClock();
    clock.schedule(250, () => client.failures.push(OVERLOADED, TIMEOUT, OVERLOADED));
    const words = [...OPEN, "--mix", "put=1"];
    const { code, stdout } = await bench(words, { client }, clock);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^put +7 .* CLIENT_OVERLOADED 2, CLIENT_TIMEOUT 1$/m);
    expect(stdout).toMatch(/^CLIENT_OVERLOADED: too much at once \(127.0.0.1:7420\)$/m);
  });

  test("ends within its bound when nobody answers any more, and says so", async () => {
    const client = new FakeClient();
    const clock = new VirtualClock();
    clock.schedule(250, () => {
      client.gate = new Promise((resolve) => clock.schedule(20_000, resolve));
    });
    const words = [...OPEN, "--max-in-flight", "4", "--timeout", "2s", "--mix", "put=1"];
    const { code, stdout } = await bench(words, { client }, clock);
    expect(code).toBe(1);
    // The second of the load, the timeout, and one second more.
    expect(stdout).toContain("calls per second of 10 wanted, in 4.0 s\n");
    expect(stdout).toContain("3 calls were due and not sent, as 4 were under way\n");
    expect(stdout).toContain("4 calls had no answer when nobody waited any more\n");
  });

  test("Ctrl-C prints what was measured till then, and ends with 130", async () => {
    const client = new FakeClient();
    const clock = new VirtualClock();
    const onInterrupt = (listener: () => void) => clock.schedule(550, listener);
    const words = [...OPEN, "--mix", "put=1"];
    const { code, stdout, stderr } = await bench(words, { client, ports: { onInterrupt } }, clock);
    expect([code, stderr]).toEqual([130, ""]);
    expect(stdout).toMatch(/^put +6 /m);
    expect(stdout).toMatch(/wanted, in 0.\d s, until Ctrl-C$/m);
    expect(keysOf(client)).toEqual([]);
  });

  test("a server that is down ends it with 4 before there is load", async () => {
    const client = new FakeClient();
    client.failures.push({ ...OVERLOADED, code: "CLIENT_UNAVAILABLE" });
    const { code, stdout } = await bench(OPEN, { client });
    expect([code, stdout, client.calls]).toEqual([4, "", 1]);
  });

  test("tells a person what it is about to do", async () => {
    const stage = { isTerminal: true, env: { NO_COLOR: "1" } };
    const { stderr } = await bench(OPEN, stage);
    expect(stderr).toBe(
      "10 calls per second for 1s: get=95,put=5 of 10,000 keys, values of 100 bytes; Ctrl-C ends it\n",
    );
  });
});

describe("keys of bench", () => {
  const OTHERS = ["titan-bench/key-1", "titan-bench/mine", "user:1"];
  function shared(): FakeClient {
    const client = new FakeClient();
    for (const key of OTHERS) client.set(key, "v");
    return client;
  }

  test("are removed afterwards, and no others", async () => {
    const client = shared();
    await bench([...OPEN, "--mix", "put=1"], { client });
    expect(keysOf(client)).toEqual(OTHERS);
    expect(client.batches).toBe(1);
  });

  test("stay with --keep, and when nothing was put", async () => {
    const client = shared();
    const words = [...OPEN, "--keys", "2", "--value-size", "1KiB"];
    await bench([...words, "--mix", "put=1", "--keep"], { client });
    const kept = ["titan-bench/key-0000000000", "titan-bench/key-0000000001"];
    expect(keysOf(client)).toEqual([...kept, ...OTHERS]);
    expect(client.valueOf("titan-bench/key-0000000001")).toHaveLength(1_024);
    const { stdout } = await bench([...words, "--mix", "get=1"], { client });
    expect(stdout).not.toContain("found no value");
    expect(keysOf(client)).toEqual([...kept, ...OTHERS]);
  });

  test("begin with the bytes of --prefix, in the keyspace that was named", async () => {
    const client = new FakeClient();
    const words = ["--prefix", "ff", "--hex", "--keys", "1", "--keep", "--keyspace", "jobs"];
    await bench([...OPEN, ...words, "--mix", "put=1"], { client });
    const key = Buffer.concat([Buffer.of(0xff), Buffer.from("key-0000000000")]);
    expect(client.keyspaces.get("jobs")?.valueOf(key)).toBeDefined();
  });

  test("stay where they are when Ctrl-C comes while they are removed", async () => {
    const client = new FakeClient();
    const clock = new VirtualClock();
    client.batch = (_operations, options) =>
      new Promise((_resolve, reject) => {
        options?.signal?.addEventListener("abort", () => {
          reject(new ClientError({ ...OVERLOADED, code: "CLIENT_ABORTED", message: "aborted" }));
        });
      });
    const onInterrupt = (listener: () => void) => clock.schedule(5_000, listener);
    const words = [...OPEN, "--mix", "put=1"];
    const { code, stdout, stderr } = await bench(words, { client, ports: { onInterrupt } }, clock);
    expect(code).toBe(130);
    expect(stdout).toContain("wanted, in 1.0 s\n");
    expect(stderr).toContain("Not all keys of the benchmark under 'titan-bench/' were removed");
  });

  test("that could not be removed are told of, with 1", async () => {
    const failing = async (json: readonly string[]) => {
      const client = new FakeClient();
      client.batch = () => Promise.reject(new Error("refused"));
      return bench([...OPEN, "--mix", "put=1", ...json], { client });
    };
    const text = await failing([]);
    expect(text.code).toBe(1);
    expect(text.stderr).toContain("under 'titan-bench/' were removed: refused");
    expect(text.stdout).toContain("calls per second");
    const json = await failing(["--json"]);
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { message: "refused" } });
  });
});

test.each([
  [["--rate", "0"], "--rate takes a whole number from 1 on"],
  [["--rate", "2000000"], "--rate is at most 1000000"],
  [["--rate", "5", "--callers", "5"], "give --rate or --callers, not both"],
  [["--max-in-flight", "5"], "--max-in-flight goes with --rate"],
  [["--callers", "70000"], "--callers is at most 65536"],
  [["--duration", "5"], "--duration takes a time with its unit"],
  [["--mix", "scan=1"], "--mix takes operations and how often"],
  [["--keys", "0"], "--keys takes a whole number from 1 on"],
  [["--value-size", "5kb"], "--value-size takes a size, such as 100, 4KiB or 1MiB"],
  [["--value-size", "65MiB"], "--value-size is at most 67108864 bytes"],
  [["--distribution", "normal"], "Allowed choices are uniform, zipf"],
  [["--prefix", "x", "--hex"], 'the prefix "x" is not hex'],
  [["extra"], "too many arguments"],
])("bench %j is a usage error, and nothing is sent", async (words, message) => {
  const { code, stderr, client } = await titan(["bench", ...words]);
  expect([code, client.calls]).toEqual([2, 0]);
  expect(stderr).toContain(message);
  expect(stderr).toContain("Usage: titan bench [options]");
});

test("a prefix that leaves no room for a key is a usage error, and nothing is sent", async () => {
  const { code, stderr, client } = await titan(["bench", "--prefix", "k".repeat(65_535)]);
  expect([code, client.calls]).toEqual([2, 0]);
  expect(stderr).toContain("a key has at most 65535");
});
