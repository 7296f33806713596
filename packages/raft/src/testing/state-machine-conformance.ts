/**
 * What every state machine has to do, of either kind. A host relies on all of it, and some mistakes here
 * show only after a restart, or never: members then silently differ. Asserts with `node:assert` and takes
 * the runner's `test`, so it runs under any runner.
 */

import assert from "node:assert/strict";
import type { StateMachine } from "../host/state-machine.js";
import type { RegisterTest } from "./conformance-case.js";
import { onDiskCases } from "./on-disk-conformance.js";
import {
  applyAll,
  brokenOff,
  type Cases,
  COMMANDS,
  commandsOf,
  gather,
  inPieces,
  lookAt,
  restore,
  type StateMachineSubject,
  started,
  takeSnapshot,
} from "./state-machine-subject.js";

function applyCases<Machine extends StateMachine>(): Cases<Machine> {
  return [
    [
      "the same commands give the same state and answers, however they are cut into batches",
      async (subject) => {
        const [one, other] = [await started(subject), await started(subject)];
        const commands = commandsOf(subject, 0, COMMANDS);
        const answers = await applyAll(one, commands);
        assert.deepEqual(await applyAll(other, commands, [1]), answers);
        assert.deepEqual(await lookAt(subject, other), await lookAt(subject, one));
      },
    ],
    [
      "commands are left as they are",
      async (subject) => {
        const machine = await started(subject);
        const commands = commandsOf(subject, 0, COMMANDS);
        await applyAll(machine, commands);
        assert.deepEqual(commands, commandsOf(subject, 0, COMMANDS));
      },
    ],
  ];
}

function snapshotCases<Machine extends StateMachine>(): Cases<Machine> {
  return [
    [
      "a snapshot brings another one to the same state, in pieces of any size",
      async (subject) => {
        const commands = commandsOf(subject, 0, COMMANDS);
        const more = commandsOf(subject, COMMANDS, 2 * COMMANDS);
        const machine = await started(subject);
        await applyAll(machine, commands);
        const bytes = await gather(await takeSnapshot(machine));
        const state = await lookAt(subject, machine);
        const answers = await applyAll(machine, more);
        for (const pieceBytes of [1, 7, bytes.length + 1]) {
          const copy = await started(subject);
          await restore(copy, commands.at(-1)?.index ?? 0, inPieces(bytes, pieceBytes));
          assert.deepEqual(await lookAt(subject, copy), state);
          assert.deepEqual(await applyAll(copy, more), answers, "and goes on alike");
        }
      },
    ],
    [
      "a snapshot of nothing is one, too",
      async (subject) => {
        const [empty, copy] = [await started(subject), await started(subject)];
        const bytes = await gather(await takeSnapshot(empty));
        await restore(copy, 1, inPieces(bytes, 16));
        assert.deepEqual(await lookAt(subject, copy), await lookAt(subject, empty));
      },
    ],
    [
      "a snapshot stays as it was taken while commands are applied",
      async (subject) => {
        const machine = await started(subject);
        const commands = commandsOf(subject, 0, COMMANDS);
        await applyAll(machine, commands);
        const state = await lookAt(subject, machine);
        const chunks = await takeSnapshot(machine);
        await applyAll(machine, commandsOf(subject, COMMANDS, 2 * COMMANDS));
        const copy = await started(subject);
        await restore(copy, commands.at(-1)?.index ?? 0, inPieces(await gather(chunks), 64));
        assert.deepEqual(await lookAt(subject, copy), state);
      },
    ],
  ];
}

function restoreCases<Machine extends StateMachine>(): Cases<Machine> {
  return [
    [
      "restoring leaves nothing of what was there before",
      async (subject) => {
        const [source, machine] = [await started(subject), await started(subject)];
        const commands = commandsOf(subject, 0, COMMANDS);
        await applyAll(source, commands.slice(0, 3));
        await applyAll(machine, commands);
        const bytes = await gather(await takeSnapshot(source));
        await restore(machine, (commands.at(-1)?.index ?? 0) + 1, inPieces(bytes, 64));
        assert.deepEqual(await lookAt(subject, machine), await lookAt(subject, source));
      },
    ],
    [
      "restoring from a snapshot that turns out to be damaged rejects",
      async (subject) => {
        const [source, machine] = [await started(subject), await started(subject)];
        await applyAll(source, commandsOf(subject, 0, COMMANDS));
        const bytes = await gather(await takeSnapshot(source));
        await assert.rejects(restore(machine, 100, brokenOff(bytes)));
      },
    ],
  ];
}

/** Registers the suite for {@link StateMachine}. `open` is called for each test. */
export function stateMachineConformance<Machine extends StateMachine>(suite: {
  readonly test: RegisterTest;
  readonly open: () => StateMachineSubject<Machine> | Promise<StateMachineSubject<Machine>>;
}): void {
  const cases = [...applyCases<Machine>(), ...snapshotCases<Machine>(), ...restoreCases<Machine>()];
  for (const [title, body] of cases) {
    suite.test(title, async () => body(await suite.open()));
  }
  for (const [title, body] of onDiskCases) {
    suite.test(title, async () => {
      const subject = await suite.open();
      const machine = await subject.create();
      if (machine.kind === "on-disk") {
        await body(subject as unknown as Parameters<typeof body>[0]);
        return;
      }
      // What one in memory has to do instead: not to pretend.
      assert.ok(!("reopen" in subject), "one in memory has nothing to be opened again from");
    });
  }
}
