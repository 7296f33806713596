/** The state machines of the guide pass the suite that users have for theirs. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Change, KeyValue } from "../../examples/key-value.js";
import { Ledger, type Transfer } from "../../examples/ledger.js";
import { stateMachineConformance } from "../../src/testing/index.js";
import { DiskJournalMachine, JournalMachine } from "../host/support/journal-machine.js";

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

describe("keys and values in memory", () => {
  stateMachineConformance({
    test,
    open: () => ({
      create: () => new KeyValue(),
      command: (number): Uint8Array => {
        const key = `k${number % 7}`;
        const change: Change =
          number % 4 === 3 ? { remove: key } : { put: key, value: `v${number}` };
        return json(change);
      },
      look: (machine) => machine.entries(),
    }),
  });
});

describe("a ledger on disk", () => {
  let directory = "";
  let ledgers = 0;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "titan-ledger-"));
  });
  afterAll(() => rm(directory, { recursive: true }));

  stateMachineConformance({
    test,
    open: () => ({
      create: () => new Ledger(join(directory, `${(ledgers += 1)}`, "ledger.json")),
      command: (number): Uint8Array => {
        const transfer: Transfer = {
          from: `a${number % 3}`,
          to: `a${number % 5}`,
          amount: number,
        };
        return json(transfer);
      },
      look: (machine) => machine.balances(),
      reopen: (machine) => new Ledger(machine.path),
    }),
  });
});

describe("the suite finds fault with a state machine", () => {
  /** Titles of the tests that fail. */
  async function failures(suite: Omit<Parameters<typeof stateMachineConformance>[0], "test">) {
    const tests: [string, () => Promise<void>][] = [];
    stateMachineConformance({ ...suite, test: (title, body) => tests.push([title, body]) });
    const failed: string[] = [];
    for (const [title, body] of tests) await body().catch(() => failed.push(title));
    return failed;
  }

  const command = (number: number): Uint8Array => Buffer.from(`command ${number}`);

  test("whose answers depend on the batch", async () => {
    class ByBatch extends JournalMachine {
      override apply(commands: Parameters<JournalMachine["apply"]>[0]) {
        void super.apply(commands);
        return commands.map(() => Buffer.from(`${commands.length}`));
      }
    }
    const failed = await failures({
      open: () => ({
        create: () => new ByBatch(),
        command,
        look: (machine) => (machine as ByBatch).lines,
      }),
    });
    expect(failed).toContain(
      "the same commands give the same state and answers, however they are cut into batches",
    );
  });

  test("whose snapshot shows what was applied after it", async () => {
    class Late extends JournalMachine {
      override *snapshot(): Generator<Uint8Array> {
        yield Buffer.from(JSON.stringify(this.lines));
      }
    }
    const failed = await failures({
      open: () => ({
        create: () => new Late(),
        command,
        look: (machine) => (machine as Late).lines,
      }),
    });
    expect(failed).toEqual(["a snapshot stays as it was taken while commands are applied"]);
  });

  test("that claims more than it has synced", async () => {
    class Boaster extends DiskJournalMachine {
      override sync(): Promise<number> {
        return Promise.resolve(this.index);
      }
    }
    const failed = await failures({
      open: () => ({
        create: () => new Boaster(),
        command,
        look: (machine) => (machine as Boaster).lines,
        reopen: (machine) => new Boaster((machine as Boaster).disk),
      }),
    });
    expect(failed).toContain(
      "sync names the last command, and after it a crash takes nothing back",
    );
  });
});
