import { expect, test } from "vitest";
import { checkHistory } from "../src/index.js";
import { type Fault, simulate } from "./simulated-register.js";
import { findOrder } from "./wing-gong.js";

const seed = Number(process.env["TITAN_SEED"] ?? Date.now() % 2 ** 31);
const runs = Number(process.env["TITAN_RUNS"] ?? 4);
const FAULTS = [
  "stale-reads",
  "lost-updates",
  "resurrected-deletes",
  "torn-cas",
  "refused-but-applied",
] as const satisfies readonly Fault[];
const shape = { clients: 6, operations: 800, unknownPercent: 5, isCounter: false };
const timeout = 60_000 + runs * 2_000;

test(
  "histories of a register that works are linearizable, also where answers were lost",
  () => {
    for (let run = 0; run < runs; run += 1) {
      const isCounter = run % 2 === 1;
      const operations = simulate({ ...shape, isCounter, seed: seed + run, fault: "none" });
      expect(checkHistory(operations), `TITAN_SEED=${seed + run}`).toMatchObject({
        isLinearizable: true,
        undecided: [],
      });
    }
  },
  timeout,
);

test.each(FAULTS)(
  "histories of a register with %s are not, and little is left of them",
  (fault) => {
    for (let run = 0; run < runs; run += 1) {
      const operations = simulate({ ...shape, seed: seed + run, fault });
      const { violations } = checkHistory(operations);
      expect(violations, `TITAN_SEED=${seed + run}`).toHaveLength(1);
      expect(violations[0]?.operations.length).toBeLessThan(40);
    }
  },
  timeout,
);

test(
  "histories of a few dozen operations are judged as by looking for an order",
  () => {
    const judged = { linearizable: 0, not: 0 };
    for (let run = 0; run < runs * 20; run += 1) {
      const fault = (["none", ...FAULTS] as const)[run % (FAULTS.length + 1)] ?? "none";
      const isCounter = run % 5 === 0;
      const options = { ...shape, operations: 40, isCounter, seed: seed + run, fault };
      const operations = simulate({ ...options, unknownPercent: 10 });
      const order = findOrder(operations, 200_000);
      if (order === "undecided") continue;
      judged[order === undefined ? "not" : "linearizable"] += 1;
      const { isLinearizable } = checkHistory(operations);
      expect(isLinearizable, `TITAN_SEED=${seed + run}`).toBe(order !== undefined);
    }
    expect(Math.min(judged.linearizable, judged.not)).toBeGreaterThan(runs);
  },
  timeout,
);

test("a long history takes no more memory than a short one", () => {
  const operations = simulate({ ...shape, operations: 4_000, seed, fault: "none" });
  expect(checkHistory(operations, { maxConfigurations: 20_000 }).isLinearizable).toBe(true);
});
