import { spawn } from "node:child_process";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { FakeClient } from "./fake-client.js";
import { BINARY, environment } from "./process.js";
import { type Stage, titan } from "./rig.js";

/** Runs `titan ...words` with a Ctrl-C that `press` brings about. */
function interruptible(words: readonly string[], stage: Stage) {
  let press = (): void => {};
  const onInterrupt = (listener: () => void) => {
    press = listener;
    return () => {};
  };
  const ended = titan(words, { ...stage, ports: { ...stage.ports, onInterrupt } });
  return { ended, press: () => press() };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("Ctrl-C ends a call that is under way with 130", async () => {
  const client = new FakeClient();
  client.gate = new Promise(() => {});
  const { ended, press } = interruptible(["get", "k"], { client });
  await turn();
  press();
  expect(await ended).toMatchObject({ code: 130, stdout: "" });
});

test("Ctrl-C ends the wait for standard input, of a value and of a script", async () => {
  for (const words of [["put", "k", "-"], ["batch"], []]) {
    const { ended, press } = interruptible(words, { ports: { stdin: new PassThrough() } });
    await turn();
    press();
    const { code, stderr, client } = await ended;
    expect([words, code, client.stored.size]).toEqual([words, 130, 0]);
    expect(stderr).toContain("interrupted");
  }
});

test("the process takes SIGINT as Ctrl-C", async () => {
  const child = spawn(process.execPath, [BINARY], { env: environment() });
  child.stdin.write("HELP\n");
  await once(child.stdout, "data");
  child.kill("SIGINT");
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  expect([code, signal]).toEqual([130, null]);
}, 20_000);
