import { describe, expect, test } from "vitest";
import type { CliPorts, Environment, PassedSignal, ProcessEnd } from "../src/ports.js";
import { GRACE_MS } from "../src/supervise.js";
import { FakeClient } from "./fake-client.js";
import { titan } from "./rig.js";
import { VirtualClock } from "./virtual-clock.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A system on which commands end when a test says so. */
class FakeSystem {
  readonly clock = new VirtualClock();
  readonly started: { command: string; args: readonly string[]; env: Environment }[] = [];
  /** Signals that the command got. */
  readonly kills: string[] = [];
  end: (end: ProcessEnd) => void = () => {};
  press = (): void => {};
  /** Sends a signal to the process; undefined where nobody hears it. */
  signal: ((signal: PassedSignal) => void) | undefined;

  get ports(): Partial<CliPorts> {
    return {
      clock: this.clock,
      runProcess: (command, args, env) => {
        this.started.push({ command, args, env });
        const ended = new Promise<ProcessEnd>((resolve) => (this.end = resolve));
        return { ended, kill: (signal) => void this.kills.push(signal) };
      },
      onInterrupt: (listener) => {
        this.press = listener;
        return () => {};
      },
      onSignal: (listener) => {
        this.signal = listener;
        return () => (this.signal = undefined);
      },
    };
  }

  async untilStarted(): Promise<void> {
    while (this.started.length === 0) await turn();
  }
}

/** Begins `titan lock ...words`, with a command that is under way. */
async function locking(words: readonly string[]) {
  const system = new FakeSystem();
  const client = new FakeClient();
  const ended = titan(["lock", ...words], { client, ports: system.ports });
  await system.untilStarted();
  const lock = client.locks[0]!;
  return { system, client, lock, ended };
}

describe("lock", () => {
  test("runs the command while it holds the lock, and tells it key and token", async () => {
    const words = ["jobs/a", "--ttl", "30s", "--", "make", "-k", "--json", "--"];
    const { system, lock, ended } = await locking(words);
    const env = { TITAN_LOCK_KEY: "jobs/a", TITAN_LOCK_TOKEN: String(lock.token) };
    expect(system.started).toEqual([{ command: "make", args: ["-k", "--json", "--"], env }]);
    expect(lock).toMatchObject({ asked: { ttlMs: 30_000 }, releases: 0 });
    expect(Buffer.from(lock.key, "hex").toString()).toBe("jobs/a");
    system.end({ code: 0 });
    expect(await ended).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(lock.releases).toBe(1);
  });

  test("gives the key as it was written, whatever bytes it stands for", async () => {
    const { system, lock, ended } = await locking(["--hex", "00ff", "--", "true"]);
    expect(system.started[0]?.env["TITAN_LOCK_KEY"]).toBe("00ff");
    expect(lock.key).toBe("00ff");
    system.end({ code: 0 });
    await ended;
  });

  test.each<[ProcessEnd, number]>([
    [{ code: 0 }, 0],
    [{ code: 3 }, 3],
    [{ code: 255 }, 255],
    [{ signal: "SIGKILL" }, 137],
    [{ signal: "SIGTERM" }, 143],
  ])("ends as a command that ended with %j: %i", async (end, code) => {
    const { system, lock, ended } = await locking(["k", "--", "cmd"]);
    system.end(end);
    expect(await ended).toMatchObject({ code, stdout: "", stderr: "" });
    expect(lock.releases).toBe(1);
  });

  test("passes signals on, and ends when the command does", async () => {
    const { system, ended } = await locking(["k", "--", "cmd"]);
    system.signal?.("SIGINT");
    system.signal?.("SIGTERM");
    system.signal?.("SIGINT");
    expect(system.kills).toEqual(["SIGINT", "SIGTERM", "SIGINT"]);
    system.end({ code: 7 });
    expect((await ended).code).toBe(7);
    expect(system.signal).toBeUndefined();
  });

  test("says when the lock could not be freed, and ends as the command did", async () => {
    const { system, lock, ended } = await locking(["k", "--", "cmd"]);
    const failure = {
      code: "CLIENT_UNAVAILABLE",
      outcome: "not-applied",
      message: "gone",
    } as const;
    lock.failure = failure;
    system.end({ code: 5 });
    expect(await ended).toMatchObject({
      ...{ code: 5, stdout: "" },
      stderr:
        "titan: the lock 'k' could not be freed (gone (127.0.0.1:7420)); it is free in 10s at the latest\n",
    });
  });
});

describe("a lock that is lost", () => {
  test("ends the command, and the code is 122", async () => {
    const { system, lock, ended } = await locking(["k", "--", "cmd"]);
    lock.lose();
    expect(system.kills).toEqual(["SIGTERM"]);
    system.end({ code: 0 });
    const { code, stdout, stderr } = await ended;
    expect([code, stdout]).toEqual([122, ""]);
    expect(stderr).toContain("the lock is lost: somebody took it away; the command was ended");
    expect(stderr).toContain("TITAN_LOCK_TOKEN");
    expect(system.clock.nextInMs).toBeUndefined();
  });

  test("kills a command that does not end in time", async () => {
    const { system, lock, ended } = await locking(["k", "--json", "--", "cmd"]);
    lock.lose();
    system.clock.advance(GRACE_MS - 1);
    expect(system.kills).toEqual(["SIGTERM"]);
    system.clock.advance(1);
    expect(system.kills).toEqual(["SIGTERM", "SIGKILL"]);
    system.end({ signal: "SIGKILL" });
    const { code, stderr } = await ended;
    expect(code).toBe(122);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: "LOCK_LOST", outcome: "unknown", exitCode: 122 },
    });
  });
});

describe("a lock that somebody else holds", () => {
  function held() {
    const system = new FakeSystem();
    const client = new FakeClient();
    let free = (): void => {};
    client.freed = new Promise((resolve) => (free = resolve));
    return { system, client, free: () => free() };
  }

  test("is waited for, which a terminal shows until it is free", async () => {
    const { system, client, free } = held();
    const words = ["lock", "k", "--wait", "10m", "--timeout", "2s", "--", "cmd"];
    const ended = titan(words, { client, ports: system.ports, isErrorTerminal: true });
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(system.started).toEqual([]);
    free();
    await system.untilStarted();
    expect(client.locks[0]?.asked).toEqual({ timeoutMs: 600_000, ttlMs: 10_000 });
    system.end({ code: 0 });
    expect(await ended).toMatchObject({
      ...{ code: 0, stdout: "" },
      stderr: "\r\u001b[Kwaiting for the lock 'k', which somebody else holds\r\u001b[K",
    });
  });

  test("is not waited for with --no-wait: 121, and nothing is run", async () => {
    const { system, client } = held();
    const words = ["lock", "k", "--no-wait", "--", "cmd"];
    const { code, stdout, stderr } = await titan(words, { client, ports: system.ports });
    expect([code, stdout]).toEqual([121, ""]);
    expect(stderr).toBe("titan: somebody else holds the lock\nThe command was not run.\n");
    expect(system.started).toEqual([]);
  });

  test("is given up after --wait: 121, as LOCK_NOT_FREE", async () => {
    const { system, client } = held();
    Object.assign(client, {
      tryLock: async () => {
        const timeout = {
          code: "CLIENT_TIMEOUT",
          outcome: "unknown",
          message: "not free",
        } as const;
        client.failures.push(timeout);
        return undefined;
      },
    });
    const words = ["lock", "k", "--wait", "90s", "--json", "--", "cmd"];
    const { code, stderr } = await titan(words, { client, ports: system.ports });
    expect(code).toBe(121);
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: "LOCK_NOT_FREE",
        message: "the lock was not free within 1m 30s",
        ...{ advice: "The command was not run.", outcome: "unknown", exitCode: 121 },
      },
    });
    expect(system.started).toEqual([]);
  });

  test("is not waited for any more after Ctrl-C: 130", async () => {
    const { system, client } = held();
    const ended = titan(["lock", "k", "--", "cmd"], { client, ports: system.ports });
    for (let turns = 0; turns < 5; turns++) await turn();
    system.press();
    expect(await ended).toMatchObject({ code: 130, stderr: "titan: interrupted\n" });
    expect(system.started).toEqual([]);
  });
});

describe("lock does not run the command", () => {
  test("when no server answers: 4", async () => {
    const system = new FakeSystem();
    const client = new FakeClient();
    client.failures.push({ code: "CLIENT_UNAVAILABLE", outcome: "not-applied", message: "down" });
    const { code } = await titan(["lock", "k", "--", "cmd"], { client, ports: system.ports });
    expect([code, system.started]).toEqual([4, []]);
  });

  test("when a server is silent: 4, which is something else than a lock that is held", async () => {
    const system = new FakeSystem();
    const client = new FakeClient();
    const message = "the lock was not free within 5000 ms";
    client.failures.push({ code: "CLIENT_TIMEOUT", outcome: "unknown", message });
    const words = ["lock", "k", "--ttl", "30s", "--", "cmd"];
    const { code, stderr } = await titan(words, { client, ports: system.ports });
    expect([code, system.started]).toEqual([4, []]);
    expect(stderr).toContain(
      "no server answered within 5s (127.0.0.1:7420); should the lock be ours, it is free in 30s\n",
    );
  });

  test.each([
    [["k"], "missing required argument 'command'"],
    [["k", "--"], "missing required argument 'command'"],
    [["k", "--", ""], "the command is empty"],
    [["", "--", "cmd"], "the key is empty"],
    [["k", "ls", "-l"], "unknown option '-l'; put -- before"],
    [["k", "--ttl", "500ms", "--", "cmd"], "--ttl must be at least 1s"],
    [["k", "--ttl", "25h", "--", "cmd"], "--ttl must be at most"],
    [["k", "--wait", "5", "--", "cmd"], "--wait takes a time with its unit"],
  ])("%j is a usage error", async (words, message) => {
    const { code, stderr, client } = await titan(["--json", "lock", ...words]);
    expect([code, client.locks]).toEqual([2, []]);
    expect(stderr).toContain(message);
  });

  test("in the shell, which has no such command", async () => {
    const { code, stderr } = await titan([], { stdin: "LOCK k -- cmd\n" });
    expect(code).toBe(2);
    expect(stderr).toContain("unknown command 'lock'");
  });
});
