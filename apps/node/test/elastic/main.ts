/**
 * Three nodes become five, all are restarted one after the other, and two leave, while callers go on all the time:
 * none of their calls may fail, and in the end every node has to give back everything.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { TitanClient } from "@titan/client";
import {
  type ClusterNode,
  ProcessCluster,
  waitUntil,
  withTemporaryDirectory,
} from "@titan/testkit";
import { Load } from "./load.js";

const { values: flags } = parseArgs({
  options: {
    // Of load between two changes.
    seconds: { type: "string", default: "10" },
    callers: { type: "string", default: "8" },
    keys: { type: "string", default: "400" },
    shards: { type: "string", default: "16" },
    // Prints what the nodes said.
    verbose: { type: "boolean", default: false },
  },
});

const SETTLE_TIMEOUT_MS = 180_000;
const FOUNDERS = 3;
const REPLICAS = 3;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** All replicas are where they should be, all shards are led, and the cluster has so many nodes. @returns what it is like */
async function settled(admin: TitanClient, nodes: number): Promise<string> {
  let seen = "nothing was answered";
  const isSettled = async (): Promise<boolean> => {
    const { cluster } = await admin.status();
    if (cluster === undefined) return false;
    const moving = cluster.shards.filter(({ move }) => move !== undefined).length;
    seen = `${cluster.nodes.length} nodes, ${moving} shards on the move, replicas ${cluster.nodes.map(({ replicas }) => replicas).join(" ")}, balancer: ${cluster.balancer.activity}`;
    return (
      cluster.nodes.length === nodes &&
      cluster.nodes.every(
        ({ state, reachable, replicas }) => state === "active" && reachable && replicas > 0,
      ) &&
      cluster.shards.every(
        ({ replicas, move, leader }) =>
          replicas.length === REPLICAS && move === undefined && leader !== undefined,
      ) &&
      cluster.balancer.activity === "everything is in its place"
    );
  };
  try {
    await waitUntil(isSettled, {
      what: `${nodes} nodes to settle`,
      timeoutMs: SETTLE_TIMEOUT_MS,
    });
    return seen;
  } catch (error) {
    throw new Error(`the cluster did not settle with ${nodes} nodes: ${seen}`, { cause: error });
  }
}

/** A node that left and runs on has to fail the trial, not to hold it up. */
async function withinTime<T>(ended: Promise<T>, id: string): Promise<T> {
  return Promise.race([
    ended,
    pause(SETTLE_TIMEOUT_MS).then(() => {
      throw new Error(`${id}, which left, runs on`);
    }),
  ]);
}

class Trial {
  readonly #cluster: ProcessCluster;
  readonly #load: Load;
  readonly #admin: TitanClient;

  constructor(cluster: ProcessCluster) {
    this.#cluster = cluster;
    const addresses = cluster.nodes.map(({ address }) => address);
    this.#admin = new TitanClient({ endpoints: addresses });
    this.#load = new Load({
      ...{ addresses, callers: Number(flags.callers), keys: Number(flags.keys) },
    });
  }

  async run(): Promise<readonly string[]> {
    const founders = [...this.#cluster.nodes];
    await settled(this.#admin, FOUNDERS);
    this.#load.start();
    await this.#phase("three nodes", async () => pause(Number(flags.seconds) * 1000));
    const added: ClusterNode[] = [];
    await this.#phase("two nodes join", async () => {
      for (let i = 0; i < 2; i += 1) added.push(await this.#cluster.join());
      await settled(this.#admin, FOUNDERS + 2);
    });
    await this.#phase("every node is restarted", async () => {
      for (const { process } of this.#cluster.nodes) {
        const { code, signal } = await process.terminate();
        if (code !== 0) throw new Error(`${process.name} ended with ${signal ?? code}`);
        process.start();
        await process.listening();
        await settled(this.#admin, FOUNDERS + 2);
      }
    });
    await this.#phase("two nodes leave", async () => {
      for (const { id } of added) await this.#admin.admin.leave(id);
      await settled(this.#admin, FOUNDERS);
      for (const { id, process } of added) {
        const { code, signal } = await withinTime(process.ended(), id);
        if (code !== 0) throw new Error(`${id}, which left, ended with ${signal ?? code}`);
      }
    });
    await this.#phase("three nodes again", async () => pause(Number(flags.seconds) * 1000));
    await this.#load.stop();
    return this.#load.check(founders.map(({ address }) => address));
  }

  async close(): Promise<void> {
    await this.#load.stop();
    await Promise.all([this.#load.close(), this.#admin.close()]);
  }

  /** Under load from beginning to end. @throws when a call failed: what comes after it proves nothing */
  async #phase(name: string, change: () => Promise<void>): Promise<void> {
    const before = this.#load.calls;
    this.#load.takeSlowestMs();
    const beganMs = performance.now();
    await change();
    const seconds = (performance.now() - beganMs) / 1000;
    const calls = this.#load.calls - before;
    const slowestMs = this.#load.takeSlowestMs();
    say(
      `${name}: ${seconds.toFixed(1)} s, ${(calls / seconds).toFixed(0)} calls/s, ` +
        `${this.#load.failures.length} failed, the slowest took ${slowestMs.toFixed(0)} ms`,
    );
    const failed = this.#load.failures.map(({ call, error }) => `${call}: ${describe(error)}`);
    if (failed.length > 0) throw new Error(failed.join("\n"));
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : ` (${describe(error.cause)})`;
  return `${error.message}${cause}`;
}

async function run(directory: string): Promise<readonly string[]> {
  const cluster = await ProcessCluster.start({
    script: join(import.meta.dirname, "..", "..", "..", "bin", "titan-node.js"),
    directory,
    nodes: FOUNDERS,
    args: ["--shards", flags.shards, "--log-level", flags.verbose ? "info" : "warn"],
  });
  const trial = new Trial(cluster);
  try {
    await cluster.listening();
    return await trial.run();
  } catch (error) {
    const tails = cluster.nodes.map(({ id, process }) => `${id}: ${process.output.slice(-4000)}`);
    return [describe(error), ...tails];
  } finally {
    if (flags.verbose) for (const { process } of cluster.nodes) say(process.output);
    await trial.close();
    await cluster.close();
  }
}

// So that what was started ends too.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const problems = await withTemporaryDirectory("titan-elastic", run);
for (const problem of problems) say(problem);
say(problems.length === 0 ? "No call failed, nothing lost." : "FAILED");
process.exit(problems.length === 0 ? 0 : 1);
