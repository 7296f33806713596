/** What a state machine on disk has to do beside what all do: come back as it says that it does. */

import assert from "node:assert/strict";
import type { OnDiskStateMachine } from "../host/state-machine.js";
import {
  applyAll,
  brokenOff,
  type Cases,
  COMMANDS,
  commandsOf,
  gather,
  inPieces,
  lookAt,
  type StateMachineSubject,
  started,
} from "./state-machine-subject.js";

type Subject = StateMachineSubject<OnDiskStateMachine>;

async function reopened(
  subject: Subject,
  machine: OnDiskStateMachine,
): Promise<{ readonly machine: OnDiskStateMachine; readonly index: number }> {
  assert.ok(subject.reopen !== undefined, "a subject on disk says how to reopen");
  const again = await subject.reopen(machine);
  return { machine: again, index: await again.open() };
}

/** One that has applied the first `count` commands. */
async function applied(subject: Subject, count: number): Promise<OnDiskStateMachine> {
  const machine = await started(subject);
  await applyAll(machine, commandsOf(subject, 0, count));
  return machine;
}

/** Applies what is missing after `index` of the first `count` commands. */
async function catchUp(
  machine: OnDiskStateMachine,
  subject: Subject,
  index: number,
  count: number,
) {
  const missing = commandsOf(subject, 0, count).filter((command) => command.index > index);
  await applyAll(machine, missing);
}

export const onDiskCases: Cases<OnDiskStateMachine> = [
  [
    "sync names the last command, and after it a crash takes nothing back",
    async (subject) => {
      const machine = await applied(subject, COMMANDS);
      const last = commandsOf(subject, 0, COMMANDS).at(-1)?.index;
      const state = await lookAt(subject, machine);
      assert.equal(await machine.sync(), last);
      const { machine: again, index } = await reopened(subject, machine);
      assert.equal(index, last);
      assert.deepEqual(await lookAt(subject, again), state);
    },
  ],
  [
    "a crash may take back what was not synced, but only the last commands, and it says how many",
    async (subject) => {
      const machine = await applied(subject, COMMANDS);
      const synced = await machine.sync();
      await applyAll(machine, commandsOf(subject, COMMANDS, 2 * COMMANDS));
      const state = await lookAt(subject, machine);
      const { machine: again, index } = await reopened(subject, machine);
      assert.ok(index >= synced, `opened at ${index}, though ${synced} was synced`);
      const had = commandsOf(subject, 0, 2 * COMMANDS).filter((one) => one.index <= index).length;
      const twin = await applied(subject, had);
      assert.deepEqual(await lookAt(subject, again), await lookAt(subject, twin), `as of ${index}`);
      await catchUp(again, subject, index, 2 * COMMANDS);
      assert.deepEqual(await lookAt(subject, again), state, "and caught up");
    },
  ],
  [
    "a snapshot names the last command that is in it",
    async (subject) => {
      const machine = await applied(subject, COMMANDS);
      const { index } = await machine.snapshot();
      assert.equal(index, commandsOf(subject, 0, COMMANDS).at(-1)?.index);
    },
  ],
  [
    "what was restored survives a crash right after, at the snapshot's index",
    async (subject) => {
      const source = await applied(subject, COMMANDS);
      const bytes = await gather((await source.snapshot()).chunks);
      const machine = await applied(subject, 3);
      // The host's snapshot may be of a later index than the last command.
      const at = 2 * COMMANDS;
      await machine.restore({ index: at, chunks: inPieces(bytes, 64) });
      const { machine: again, index } = await reopened(subject, machine);
      assert.equal(index, at);
      assert.deepEqual(await lookAt(subject, again), await lookAt(subject, source));
    },
  ],
  [
    "after a crash amid a restore it opens below the snapshot, and can be restored again",
    async (subject) => {
      const source = await applied(subject, COMMANDS);
      const bytes = await gather((await source.snapshot()).chunks);
      const machine = await applied(subject, 3);
      const at = 2 * COMMANDS;
      await assert.rejects(machine.restore({ index: at, chunks: brokenOff(bytes) }));
      const { machine: again, index } = await reopened(subject, machine);
      assert.ok(index < at, `opened at ${index}, amid a restore to ${at}`);
      await again.restore({ index: at, chunks: inPieces(bytes, 64) });
      assert.deepEqual(await lookAt(subject, again), await lookAt(subject, source));
    },
  ],
];
