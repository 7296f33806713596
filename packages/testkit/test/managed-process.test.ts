import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { freeAddresses, ManagedProcess, waitUntil, withTemporaryDirectory } from "../src/index.js";

const script = join(import.meta.dirname, "programs", "server.mjs");
let server: ManagedProcess;
const make = (...args: string[]): ManagedProcess => {
  server = new ManagedProcess({ name: "server", script, args });
  return server;
};
const ask = async (address: unknown, timeoutMs = 20_000): Promise<string> => {
  const response = await fetch(`http://${String(address)}`, {
    signal: AbortSignal.timeout(timeoutMs),
  });
  return response.text();
};

afterEach(async () => {
  await server.kill();
});

test("a process is started, asked to stop, and started again; its output is kept", async () => {
  const one = make();
  expect(one.isRunning).toBe(false);
  one.start();
  expect(await ask((await one.listening())["address"])).toBe("1");
  expect(await one.terminate()).toEqual({ code: 0, signal: null });
  expect(one.isRunning).toBe(false);
  one.start();
  await one.listening();
  await one.kill();
  await waitUntil(() => one.output === "up\ndown\nup\n", { what: "all output" });
  expect(one.unexpectedEnding).toBeUndefined();
});

test("a killed process is gone when kill resolves", async () => {
  const one = make();
  one.start();
  await one.listening();
  expect(await one.kill()).toEqual({ code: null, signal: "SIGKILL" });
  expect(one.pid).toBeUndefined();
});

test("a paused process answers once it is resumed, and can be ended while it is paused", async () => {
  const one = make();
  one.start();
  const { address } = await one.listening();
  await ask(address);
  one.pause();
  expect(one.isStopped).toBe(true);
  const answer = ask(address);
  one.resume();
  expect(await answer).toBe("2");
  one.pause();
  expect(await one.terminate()).toEqual({ code: 0, signal: null });
});

test("a process that ends by itself is told apart, with what it said", async () => {
  const one = make("3");
  one.start();
  await expect(one.listening()).rejects.toThrow("going away");
  expect(await one.ended()).toEqual({ code: 3, signal: null });
  expect(one.unexpectedEnding).toEqual({ code: 3, signal: null });
});

test("a process cannot be started twice at once", async () => {
  const one = make();
  one.start();
  expect(() => one.start()).toThrow("runs already");
  await one.listening();
});

test("free addresses differ", async () => {
  make();
  expect(new Set(await freeAddresses(20)).size).toBe(20);
});

test("a temporary directory is there for its time", async () => {
  make();
  const directory = await withTemporaryDirectory("titan-testkit", (directory) => {
    expect(existsSync(directory)).toBe(true);
    return Promise.resolve(directory);
  });
  expect(existsSync(directory)).toBe(false);
});

test("waiting ends with what was found, or says in vain for what", async () => {
  make();
  let looks = 0;
  const found = await waitUntil(() => (++looks === 3 ? "it" : undefined), { what: "it" });
  expect(found).toBe("it");
  const never = (): never => {
    throw new Error("not there");
  };
  await expect(waitUntil(never, { what: "the impossible", timeoutMs: 1 })).rejects.toThrow(
    "in vain for the impossible",
  );
});
