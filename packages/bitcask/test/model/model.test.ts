/**
 * The store against a map. `TITAN_SEED` replays a run, `TITAN_RUNS` asks for more of them.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { seedFrom } from "../../src/testing/index.js";
import { FORM_NAMES } from "../crash/forms.js";
import { type Action, action } from "./actions.js";
import { Subject } from "./subject.js";

const RUNS = Number(process.env["TITAN_RUNS"] ?? 300);

class Command implements fc.AsyncCommand<object, Subject> {
  private readonly action: Action;

  constructor(action: Action) {
    this.action = action;
  }

  check(): boolean {
    return true;
  }

  async run(_model: object, subject: Subject): Promise<void> {
    await subject.run(this.action);
  }

  toString(): string {
    return JSON.stringify(this.action);
  }
}

test(
  `${RUNS} random lives of a store show what a map with a clock would show`,
  async () => {
    const seed = seedFrom(process.env, Math.floor(Math.random() * 2 ** 31));
    const counts = new Map<string, number>();
    const commands = fc.commands([action.map((parts) => new Command(parts))], { maxCommands: 30 });
    const forms = fc.constantFrom(...FORM_NAMES);
    const property = fc.asyncProperty(forms, commands, async (form, life) => {
      const subject = new Subject(form);
      await subject.start();
      await fc.asyncModelRun(() => ({ model: {}, real: subject }), life);
      await subject.stop();
      for (const [type, count] of subject.counts) counts.set(type, (counts.get(type) ?? 0) + count);
    });
    try {
      await fc.assert(property, { numRuns: RUNS, seed, endOnFailure: false });
    } finally {
      const figures = [...counts].map(([type, count]) => `${count} ${type}`).sort();
      process.stdout.write(`model test, TITAN_SEED=${seed}: ${figures.join(", ")}\n`);
    }
    // Each kind of action has come up, or the generator has lost one.
    expect(counts.size).toBe(13);
  },
  RUNS * 300,
);
