/** The simulator with a state machine of a user's own, right and wrong. */

import { expect, test } from "vitest";
import type { Command, InMemoryStateMachine, StateMachine } from "../../src/host/state-machine.js";
import { runSeed, type SimulatedMachine, shrinkRun } from "../../src/sim/index.js";

/** Counts, and answers with the count. */
class Counter implements InMemoryStateMachine {
  readonly kind = "in-memory";
  count = 0;

  apply(commands: readonly Command[]): Uint8Array[] {
    return commands.map(({ data }) => {
      this.count += data[0] ?? 0;
      return Uint8Array.of(this.count & 255);
    });
  }

  snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(String(this.count))];
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
    this.count = Number(Buffer.concat(parts).toString());
  }
}

/** Forgets in a snapshot what it has counted beyond a hundred. */
class ForgetfulCounter extends Counter {
  override snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(String(Math.min(this.count, 100)))];
  }
}

function simulated(create: () => Counter): SimulatedMachine {
  return {
    create,
    command: (random) => Uint8Array.of(random.between(1, 9)),
    fingerprint: (machine: StateMachine) => (machine as Counter).count,
  };
}

/** Many snapshots in little time. */
const SETTINGS = {
  chaosMs: 800,
  thinkMs: 15,
  groups: 1,
  compaction: { everyEntries: 5, keepEntries: 0 },
};

test("one that is right keeps every promise", async () => {
  const machine = simulated(() => new Counter());
  const result = await runSeed(4, { machine, settings: SETTINGS });
  expect(result.violation).toBeUndefined();
  expect(result.coverage["snapshot-taken"]).toBeGreaterThan(0);
});

test("one that is wrong is found out, and the faults that it takes are few", async () => {
  const options = { machine: simulated(() => new ForgetfulCounter()), settings: SETTINGS };
  let seed = 1;
  let failed = await runSeed(seed, options);
  for (; failed.violation === undefined && seed < 20; failed = await runSeed(seed, options))
    seed += 1;
  expect(failed.violation?.invariant).toBe("state-machine-safety");
  const { schedule, violation } = await shrinkRun(failed, options);
  expect(schedule.length).toBeLessThanOrEqual(2);
  expect(schedule.length).toBeLessThan(failed.schedule.length);
  const again = await runSeed(seed, { ...options, schedule });
  expect(again.violation).toEqual(violation);
});
