/**
 * Processes contend for one lock while the node that leads it is killed and holders are frozen for longer than their lease.
 * What the lock protects refuses old tokens; no token may be given twice or be smaller than one before, and all contenders have
 * to get their turns.
 */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { TitanClient } from "@titan/client";
import { SeededRandom } from "@titan/raft/testing";
import { ProcessCluster, withTemporaryDirectory } from "@titan/testkit";
import { busiestLeader, healed } from "../support/cluster-state.js";
import { FencedResource } from "./fenced-resource.js";
import type { ContenderOrders, ContenderReport } from "./messages.js";

const { values: flags } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    contenders: { type: "string", default: "8" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    // Prints what the nodes said.
    verbose: { type: "boolean", default: false },
  },
});

const KEY = "locks/resource";
const TTL_MS = 1_500;
const MOST_FROZEN_MS = 4_000;
const CALM_MS = 1_000;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

class Trial {
  readonly #cluster: ProcessCluster;
  readonly #random = new SeededRandom(Number(flags.seed));
  readonly #resource = new FencedResource();
  readonly #contenders: ChildProcess[] = [];
  readonly #reports = new Map<string, number>();
  readonly #problems: string[] = [];
  readonly #admin: TitanClient;
  /** The contender that used the resource last. */
  #lastUser = 0;
  /** Contenders that have said nothing since they were frozen. */
  readonly #frozen = new Set<number>();
  #isClosing = false;
  #kills = 0;
  #freezes = 0;

  constructor(cluster: ProcessCluster) {
    this.#cluster = cluster;
    this.#admin = new TitanClient({ endpoints: cluster.nodes.map(({ address }) => address) });
  }

  async run(): Promise<readonly string[]> {
    await healed(this.#admin);
    for (let number = 0; number < Number(flags.contenders); number += 1) this.#start(number);
    const endMs = performance.now() + Number(flags.seconds) * 1_000;
    while (performance.now() < endMs) {
      await pause(CALM_MS + this.#random.nextInt(1_000));
      if (this.#random.isChance(50)) await this.#freezeHolder();
      else await this.#killLeader();
    }
    const { accepted, refused, turns, holders, problems } = this.#resource;
    const reports = [...this.#reports].map(([name, count]) => `${count} ${name}`);
    say(
      `${turns} turns of ${holders.size} contenders, ${accepted} uses, ${refused} refused for an old token; ` +
        `${this.#kills} leaders killed, ${this.#freezes} holders frozen; ${reports.join(", ")}`,
    );
    const idle = Number(flags.contenders) - holders.size;
    const starved = idle > 0 ? [`${idle} contenders never had a turn`] : [];
    return [...problems, ...this.#problems, ...starved];
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    for (const contender of this.#contenders) contender.kill("SIGKILL");
    await this.#admin.close();
  }

  #start(number: number): void {
    const contender = fork(join(import.meta.dirname, "contender.js"));
    this.#contenders.push(contender);
    contender.on("message", (report) => this.#take(report as ContenderReport, number));
    contender.once("exit", (code) => {
      if (!this.#isClosing) this.#problems.push(`contender ${number} ended with ${code}`);
    });
    const endpoints = this.#cluster.nodes.map(({ address }) => address);
    const orders: ContenderOrders = { endpoints, key: KEY, ttlMs: TTL_MS };
    contender.send(orders);
  }

  #take(report: ContenderReport, number: number): void {
    if (report.type === "use") {
      this.#resource.use(report.token, number, this.#frozen.delete(number));
      this.#lastUser = number;
      return;
    }
    if (report.type === "defect") this.#problems.push(`contender ${number}: ${report.message}`);
    const name = report.type === "failed" ? report.code : report.type;
    this.#reports.set(name, (this.#reports.get(name) ?? 0) + 1);
  }

  /** So long that another one may hold the lock meanwhile, or not. */
  async #freezeHolder(): Promise<void> {
    const holder = this.#contenders[this.#lastUser];
    this.#freezes += 1;
    this.#frozen.add(this.#lastUser);
    holder?.kill("SIGSTOP");
    await pause(this.#random.nextInt(MOST_FROZEN_MS));
    holder?.kill("SIGCONT");
  }

  async #killLeader(): Promise<void> {
    const victim = await busiestLeader(this.#admin);
    const node = this.#cluster.nodes.find(({ id }) => id === victim);
    if (node === undefined) throw new Error(`there is no ${victim}`);
    this.#kills += 1;
    await node.process.kill();
    await pause(this.#random.nextInt(1_000));
    node.process.start();
    await node.process.listening();
    await healed(this.#admin);
  }
}

async function run(directory: string): Promise<readonly string[]> {
  const cluster = await ProcessCluster.start({
    script: join(import.meta.dirname, "..", "..", "..", "bin", "titan-node.js"),
    ...{ directory, nodes: 3 },
    // One shard: its leader is the one that leads the lock.
    args: ["--shards", "1", "--log-level", flags.verbose ? "info" : "error"],
  });
  const trial = new Trial(cluster);
  try {
    await cluster.listening();
    return await trial.run();
  } catch (error) {
    const tails = cluster.nodes.map(({ id, process }) => `${id}: ${process.output.slice(-4000)}`);
    return [error instanceof Error ? (error.stack ?? error.message) : String(error), ...tails];
  } finally {
    if (flags.verbose) for (const { process } of cluster.nodes) say(process.output);
    await trial.close();
    await cluster.close();
  }
}

// So that what was started ends too.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

say(`seed ${flags.seed}`);
const problems = await withTemporaryDirectory("titan-lock-contenders", run);
for (const problem of problems) say(problem);
say(problems.length === 0 ? "No token was given twice, and all had their turns." : "FAILED");
process.exit(problems.length === 0 ? 0 : 1);
