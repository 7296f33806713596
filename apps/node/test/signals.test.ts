import { FakeMachine, MemoryFileSystem } from "@titan/bitcask/testing";
import { expect, test } from "vitest";
import { type ProcessIo, runCommand } from "../src/command.js";
import { nodePorts } from "../src/store-ports.js";

/** A node of the command, whose signals and clock the test gives. */
async function servingCommand() {
  let nowMs = 1_000;
  let signal: (name: "SIGINT" | "SIGTERM") => void = () => undefined;
  const exits: number[] = [];
  let listening: () => void = () => undefined;
  const serves = new Promise<void>((resolve) => {
    listening = resolve;
  });
  const io: ProcessIo = {
    environment: {},
    stdout: { write: () => true },
    stderr: { write: () => true },
    onSignal: (callback) => {
      signal = callback;
    },
    onParentGone: () => undefined,
    tellParent: () => listening(),
    exit: (code) => {
      exits.push(code);
    },
  };
  const real = nodePorts();
  const clock = {
    monotonicMs: () => nowMs,
    wallMs: () => real.clock.wallMs(),
    schedule: (delayMs: number, callback: () => void) => real.clock.schedule(delayMs, callback),
  };
  const ports = {
    ...real,
    clock,
    fileSystem: new MemoryFileSystem(),
    processes: new FakeMachine().start(1),
  };
  const args = ["--grpc-addr", "127.0.0.1:0", "--data-dir", "/data"];
  const ended = runCommand(args, io, ports);
  await serves;
  const send = (name: "SIGINT" | "SIGTERM") => signal(name);
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { ended, exits, send, pass };
}

test("a signal that is delivered twice at once is one request, and stops gracefully", async () => {
  const { ended, exits, send, pass } = await servingCommand();
  send("SIGTERM");
  pass(299);
  send("SIGTERM");
  expect(await ended).toBe(0);
  expect(exits).toEqual([]);
});

test("a second request ends at once", async () => {
  const { ended, exits, send, pass } = await servingCommand();
  send("SIGTERM");
  pass(300);
  send("SIGINT");
  expect(exits).toEqual([130]);
  expect(await ended).toBe(0);
});
