import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { createSignals, type SignalSource } from "./signals.js";

function play(hasTerminal = false) {
  const events = new EventEmitter();
  const exits: number[] = [];
  const source: SignalSource = {
    on: (signal, listener) => events.on(signal, listener),
    off: (signal, listener) => events.off(signal, listener),
    exit: (code) => exits.push(code),
  };
  const signals = createSignals(source, hasTerminal);
  const heard: string[] = [];
  const release = signals.onInterrupt(() => heard.push("interrupt"));
  const pass = (): (() => void) => signals.onSignal((signal) => heard.push(signal));
  return { events, exits, heard, release, pass };
}

test("the first Ctrl-C is told, the second one ends the process", () => {
  const { events, exits, heard } = play();
  events.emit("SIGINT");
  expect([heard, exits]).toEqual([["interrupt"], []]);
  events.emit("SIGINT");
  expect(exits).toEqual([130]);
});

test("a Ctrl-C that nobody handles ends the process", () => {
  const { events, exits, release } = play();
  release();
  events.emit("SIGINT");
  expect(exits).toEqual([130]);
});

test("who takes the signals of a command gets them all, and alone", () => {
  const { events, exits, heard, pass } = play();
  const stop = pass();
  for (const signal of ["SIGINT", "SIGINT", "SIGTERM"]) events.emit(signal);
  expect([heard, exits]).toEqual([["SIGINT", "SIGINT", "SIGTERM"], []]);
  stop();
  events.emit("SIGINT");
  expect([heard.at(-1), exits]).toEqual(["interrupt", []]);
});

test("SIGTERM is heard only while it is taken, so that else it ends the process", () => {
  const { events, pass } = play();
  expect(events.listenerCount("SIGTERM")).toBe(0);
  const stop = pass();
  expect(events.listenerCount("SIGTERM")).toBe(1);
  stop();
  stop();
  expect(events.listenerCount("SIGTERM")).toBe(0);
});

test("a terminal has told Ctrl-C to the command already", () => {
  const { events, heard, pass } = play(true);
  pass();
  for (const signal of ["SIGINT", "SIGTERM"]) events.emit(signal);
  expect(heard).toEqual(["SIGTERM"]);
});
