/** What the suites for state machines are given, and what they do with it. */

import assert from "node:assert/strict";
import { toLogIndex, toTerm } from "../core/ids.js";
import type { Command, SnapshotChunks, StateMachine } from "../host/state-machine.js";

/** A kind of state machine to examine. */
export interface StateMachineSubject<Machine extends StateMachine> {
  /** One with nothing in it. */
  create(): Machine | Promise<Machine>;
  /** A command, by its number from 0: of every sort there is, and always the same by that number. */
  command(number: number): Uint8Array;
  /** All of the state, in words that are the same if the states are. */
  look(machine: Machine): unknown;
  /**
   * State machines on disk only: another one on what `machine` left there, as if the process had been
   * killed, or better, the power cut. Not opened.
   */
  reopen?(machine: Machine): Machine | Promise<Machine>;
}

/** Commands are given out in batches of changing size. */
export const COMMANDS = 40;
const BATCHES = [1, 7, 2, 13];
const FIRST_INDEX = 2;
/** Entries that are no commands take indexes, too. */
const GAP_EVERY = 5;

/** The commands of numbers `[from, to)`, as a log would hold them. */
export function commandsOf(
  subject: Pick<StateMachineSubject<StateMachine>, "command">,
  from: number,
  to: number,
): Command[] {
  const commands: Command[] = [];
  for (let number = from; number < to; number += 1) {
    const index = FIRST_INDEX + number + Math.floor(number / GAP_EVERY);
    const data = Uint8Array.from(subject.command(number));
    commands.push({ index: toLogIndex(index), term: toTerm(1 + Math.floor(number / 10)), data });
  }
  return commands;
}

/** The state as it is now: what a subject hands out may change with its machine. */
export async function lookAt<Machine extends StateMachine>(
  subject: StateMachineSubject<Machine>,
  machine: Machine,
): Promise<unknown> {
  return structuredClone(await subject.look(machine));
}

/** Opened, whatever its kind. */
export async function started<Machine extends StateMachine>(
  subject: StateMachineSubject<Machine>,
): Promise<Machine> {
  const machine = await subject.create();
  if (machine.kind === "on-disk") assert.equal(await machine.open(), 0, "an empty one opens at 0");
  return machine;
}

/** Applies commands in batches of the given sizes, over and over. @returns all answers, as text */
export async function applyAll(
  machine: StateMachine,
  commands: readonly Command[],
  batches: readonly number[] = BATCHES,
): Promise<string[]> {
  const answers: string[] = [];
  for (let at = 0, turn = 0; at < commands.length; turn += 1) {
    const batch = commands.slice(at, at + (batches[turn % batches.length] ?? 1));
    const results = await machine.apply(batch);
    assert.equal(results.length, batch.length, "one answer to each command");
    answers.push(...results.map((result) => Buffer.from(result ?? []).toString("hex")));
    at += batch.length;
  }
  return answers;
}

export async function takeSnapshot(machine: StateMachine): Promise<SnapshotChunks> {
  const taken = await machine.snapshot();
  return "chunks" in taken ? taken.chunks : taken;
}

export async function gather(chunks: SnapshotChunks): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  return Buffer.concat(parts);
}

/** Bytes in pieces of `pieceBytes`, as a file or a network may cut them. */
export async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** Bytes that break off with an error. */
export async function* brokenOff(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(0, Math.floor(bytes.length / 2));
  throw new Error("the snapshot is damaged from here on");
}

export function restore(
  machine: StateMachine,
  index: number,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  return machine.kind === "on-disk" ? machine.restore({ index, chunks }) : machine.restore(chunks);
}

export type Cases<Machine extends StateMachine> = readonly [
  title: string,
  body: (subject: StateMachineSubject<Machine>) => Promise<void>,
][];
