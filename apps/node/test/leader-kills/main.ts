/**
 * Leaders are killed, one after the other, under many callers of mixed calls: no call may hang past its deadline, no write
 * may be applied twice, every failure has to be typed and say what came of the write.
 *
 * Half of the callers have exactly-once writes, half have the defaults.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { TitanClient } from "@titan/client";
import { SeededRandom } from "@titan/raft/testing";
import { ProcessCluster, withTemporaryDirectory } from "@titan/testkit";
import { busiestLeader, healed } from "../support/cluster-state.js";
import { Callers } from "./callers.js";

const { values: flags } = parseArgs({
  options: {
    kills: { type: "string", default: "20" },
    callers: { type: "string", default: "256" },
    shards: { type: "string", default: "4" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    // Prints what the nodes said.
    verbose: { type: "boolean", default: false },
  },
});

const CALL_TIMEOUT_MS = 5_000;
const CALM_MS = 500;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function run(directory: string): Promise<readonly string[]> {
  const cluster = await ProcessCluster.start({
    script: join(import.meta.dirname, "..", "..", "..", "bin", "titan-node.js"),
    ...{ directory, nodes: 3 },
    args: ["--shards", flags.shards, "--log-level", flags.verbose ? "info" : "error"],
  });
  const endpoints = cluster.nodes.map(({ address }) => address);
  const admin = new TitanClient({ endpoints });
  const clients = [
    new TitanClient({ endpoints }),
    new TitanClient({ endpoints, exactlyOnce: true }),
  ];
  const random = new SeededRandom(Number(flags.seed));
  const callers = new Callers({
    ...{ clients, random, callers: Number(flags.callers), timeoutMs: CALL_TIMEOUT_MS },
  });
  try {
    await cluster.listening();
    await healed(admin);
    callers.start();
    const gapsMs: number[] = [];
    for (let kill = 1; kill <= Number(flags.kills); kill += 1) {
      await pause(CALM_MS);
      callers.takeLongestGapMs();
      const victim = await busiestLeader(admin);
      const node = cluster.nodes.find(({ id }) => id === victim);
      if (node === undefined) throw new Error(`there is no ${victim}`);
      await node.process.kill();
      await pause(CALM_MS + random.nextInt(2_000));
      node.process.start();
      await node.process.listening();
      await healed(admin);
      const gapMs = callers.takeLongestGapMs();
      gapsMs.push(gapMs);
      if (flags.verbose)
        say(`kill ${kill}: ${victim}, a caller was ${gapMs.toFixed(0)} ms without a success`);
    }
    await callers.stop();
    const failed = [...callers.failures].map(([name, count]) => `${count} ${name}`);
    say(
      `${callers.calls} calls, ${flags.kills} kills; a caller had no success for ${median(gapsMs).toFixed(0)} ms ` +
        `(median of the longest), ${Math.max(...gapsMs).toFixed(0)} ms (worst); failed: ${failed.join(", ") || "none"}`,
    );
    return await callers.check(admin);
  } catch (error) {
    const tails = cluster.nodes.map(({ id, process }) => `${id}: ${process.output.slice(-4000)}`);
    return [error instanceof Error ? (error.stack ?? error.message) : String(error), ...tails];
  } finally {
    if (flags.verbose) for (const { process } of cluster.nodes) say(process.output);
    await Promise.all([admin, ...clients].map((client) => client.close()));
    await cluster.close();
  }
}

// So that what was started ends too.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

say(`seed ${flags.seed}`);
const problems = await withTemporaryDirectory("titan-leader-kills", run);
for (const problem of problems) say(problem);
say(problems.length === 0 ? "No call hung, nothing was done twice, nothing lost." : "FAILED");
process.exit(problems.length === 0 ? 0 : 1);
