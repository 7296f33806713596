import { expect, test } from "vitest";
import { runKillLoop } from "./support/kill-loop.js";
import { withDirectory } from "./support/test-node.js";

const seed = Number(process.env["TITAN_SEED"] ?? Date.now() % 2 ** 31);
const rounds = Number(process.env["TITAN_RUNS"] ?? 3);

test(
  `after each of ${rounds} kills under 64 writers, every acknowledged write is there`,
  async () => {
    process.stdout.write(`TITAN_SEED=${seed}\n`);
    const report = await withDirectory((directory) => runKillLoop({ directory, rounds, seed }));
    process.stdout.write(`${JSON.stringify(report)}\n`);
    expect(report.acknowledged).toBeGreaterThan(rounds);
    expect(report.unanswered).toBeGreaterThan(0);
  },
  60_000 + rounds * 5_000,
);
