import { describe, expect, test } from "vitest";
import { type ClientErrorInit, FakeClient } from "./fake-client.js";
import { type Stage, titan } from "./rig.js";
import { turn, VirtualClock } from "./virtual-clock.js";

const DOWN: ClientErrorInit = {
  code: "CLIENT_UNAVAILABLE",
  outcome: "not-applied",
  message: "cannot connect to a:1",
};

/** Runs `titan status --watch ...words`, lets so many looks happen, then presses Ctrl-C. */
async function watch(words: readonly string[], looks: number, stage: Stage = {}) {
  const clock = new VirtualClock();
  const waits: number[] = [];
  let press = (): void => {};
  const onInterrupt = (listener: () => void) => {
    press = listener;
    return () => {};
  };
  const ports = { clock, onInterrupt, ...stage.ports };
  const ended = titan(["status", "--watch", ...words], { ...stage, ports });
  for (let look = 1; ; look += 1) {
    while (clock.nextInMs === undefined) await turn();
    waits.push(clock.nextInMs);
    if (look === looks) break;
    clock.advance(clock.nextInMs);
  }
  press();
  return { ...(await ended), waits };
}

describe("status --watch", () => {
  test("looks once a second, and says when", async () => {
    const { stdout, stderr, waits, code } = await watch([], 3);
    expect([code, waits]).toEqual([130, [1_000, 1_000, 1_000]]);
    expect(stdout).toMatch(/^2026-01-01T00:00:00Z\nnode +n1 at 127.0.0.1:7420\n/);
    expect(stdout.match(/^2026.*$/gm)).toEqual([0, 1, 2].map((s) => `2026-01-01T00:00:0${s}Z`));
    expect(stdout).not.toContain("\u001b");
    expect(stderr).toContain("interrupted");
  });

  test("takes the time between looks from --interval", async () => {
    expect((await watch(["--interval", "1.5m"], 2)).waits).toEqual([90_000, 90_000]);
  });

  test("on a terminal each look takes the place of the one before", async () => {
    const stage = { isTerminal: true, env: { NO_COLOR: "1" } };
    const { stdout } = await watch([], 2, stage);
    const [before, first, second] = stdout.split("\u001b[H");
    expect(before).toBe("\u001b[2J\u001b[?7l");
    expect(first).toMatch(/^2026-01-01T00:00:00Z, every 1s; Ctrl-C ends it/);
    expect(second).toMatch(/^2026-01-01T00:00:01Z, every 1s; Ctrl-C ends it/);
    expect(second).toContain("n1 at 127.0.0.1:7420");
  });

  test("on a terminal that knows no escapes they go one after the other", async () => {
    const { stdout } = await watch([], 1, { isTerminal: true, env: { TERM: "dumb" } });
    expect(stdout).not.toContain("\u001b");
  });

  test("prints one object per endpoint and look with --json", async () => {
    const { stdout } = await watch(["--json", "--endpoints", "a:1,b:2"], 2);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
      { time: "2026-01-01T00:00:00.000Z", available: true, endpoint: "a:1", nodeId: "n1" },
      { time: "2026-01-01T00:00:00.000Z", available: true, endpoint: "b:2" },
      { time: "2026-01-01T00:00:01.000Z", available: true, endpoint: "a:1" },
      { time: "2026-01-01T00:00:01.000Z", available: true, endpoint: "b:2" },
    ]);
  });

  test("an endpoint that does not answer is shown, and asked again", async () => {
    const client = new FakeClient();
    client.failures.push(DOWN);
    const text = await watch(["--endpoint", "a:1"], 2, { client });
    expect(text.stderr).toContain("cannot connect to a:1");
    expect(text.stdout).toMatch(/00Z\n\n2026-01-01T00:00:01Z\nnode +n1 at a:1\n/);

    client.failures.push(DOWN);
    const screen = await watch(["--endpoint", "a:1"], 1, { client, isTerminal: true });
    expect(screen.stdout).toContain("cannot connect to a:1");

    client.failures.push(DOWN);
    const json = await watch(["--endpoint", "a:1", "--json"], 1, { client });
    expect(JSON.parse(json.stdout)).toMatchObject({ available: false, endpoint: "a:1" });
  });

  test("Ctrl-C also ends a look that nobody answers", async () => {
    const client = new FakeClient();
    client.gate = new Promise(() => {});
    let press = (): void => {};
    const onInterrupt = (listener: () => void) => {
      press = listener;
      return () => {};
    };
    const ended = titan(["status", "--watch"], { client, ports: { onInterrupt } });
    await turn();
    press();
    expect(await ended).toMatchObject({ code: 130, stdout: "" });
  });

  test.each([
    [["--interval", "5s"], "--interval goes with --watch"],
    [["--watch", "--interval", "5"], "--interval takes a time with its unit"],
    [["--watch", "--interval", "0s"], "--interval must be at least 1ms"],
    [["--watch", "--interval", "2d"], "--interval must be at most"],
  ])("%j is a usage error", async (words, message) => {
    const { code, stderr } = await titan(["status", ...words]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).toContain("Usage: titan status [options]");
  });
});
