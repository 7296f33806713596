/**
 * Real nodes behind proxies, clients that record what they are told, and everything that can befall nodes and networks.
 * Then all is healed, every key is read through every node, and the history is judged.
 *
 * The seed decides what is done to whom; how the processes meet it, it does not.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { TitanClient } from "@titan/client";
import { Consistency, KvServiceDefinition } from "@titan/proto";
import { SeededRandom } from "@titan/raft/testing";
import {
  checkHistory,
  History,
  ProcessCluster,
  renderCounterexample,
  waitUntil,
  withTemporaryDirectory,
} from "@titan/testkit";
import { createChannel, createClient } from "nice-grpc";
import { Clients, type Read } from "./clients.js";
import { type Deeds, Nemesis } from "./nemesis.js";

const { values: flags } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    nodes: { type: "string", default: "3" },
    clients: { type: "string", default: "12" },
    keys: { type: "string", default: "6" },
    shards: { type: "string", default: "4" },
    // Reads from any replica, judged as if they were linearizable: the check has to fail.
    "stale-reads": { type: "boolean", default: false },
    // Prints what the nodes said.
    verbose: { type: "boolean", default: false },
  },
});

const START_TIMEOUT_MS = 60_000;
const HEAL_TIMEOUT_MS = 120_000;
const STALE_CALL_MS = 1_000;
const OUTPUT_TAIL = 4_000;

interface Report {
  readonly problems: readonly string[];
  readonly violations: readonly string[];
  readonly summary: string;
}

/** Reads from whichever replica, however old. */
function staleReader(addresses: readonly string[], random: SeededRandom): Read {
  const clients = addresses.map((address) =>
    createClient(KvServiceDefinition, createChannel(address)),
  );
  return async (key) => {
    const { found, value } = await random.pick(clients).get(
      {
        key: Buffer.from(key),
        read: { consistency: Consistency.STALE, maxStalenessMs: 0, atLeast: [] },
      },
      { signal: AbortSignal.timeout(STALE_CALL_MS) },
    );
    return found ? Buffer.from(value).toString() : undefined;
  };
}

async function untilServing(cluster: ProcessCluster, keys: readonly string[]): Promise<void> {
  for (const { id, address } of cluster.nodes) {
    const client = new TitanClient({ endpoints: [address], discovery: false, timeoutMs: 2_000 });
    for (const key of keys) {
      await waitUntil(
        async () => {
          await client.get(key);
          return true;
        },
        { what: `${key} to be readable through ${id}`, timeoutMs: HEAL_TIMEOUT_MS },
      );
    }
    await client.close();
  }
}

async function run(directory: string): Promise<Report> {
  const seed = Number(flags.seed);
  const cluster = await ProcessCluster.start({
    script: join(import.meta.dirname, "..", "..", "..", "bin", "titan-node.js"),
    directory,
    nodes: Number(flags.nodes),
    args: ["--shards", flags.shards, "--log-level", flags.verbose ? "info" : "warn"],
    isProxied: true,
  });
  const addresses = cluster.nodes.map(({ address }) => address);
  const history = new History();
  const random = new SeededRandom(seed, 1);
  const stale = flags["stale-reads"]
    ? staleReader(addresses, new SeededRandom(seed, 2))
    : undefined;
  const clients = new Clients({
    ...{ addresses, clients: Number(flags.clients), keys: Number(flags.keys), random, history },
    ...(stale !== undefined && { read: stale }),
  });
  try {
    await within(cluster.listening(), START_TIMEOUT_MS, "the nodes to serve");
    await untilServing(cluster, clients.all);
    say(`seed ${seed}: ${addresses.length} nodes serve; chaos for ${flags.minutes} minutes`);
    const nemesis = new Nemesis(cluster, new SeededRandom(seed, 3));
    const running = clients.run();
    const beginMs = performance.now();
    await nemesis.runUntil(beginMs + Number(flags.minutes) * 60_000);
    heal(cluster);
    await untilServing(cluster, clients.all);
    clients.stop();
    await running;
    const seconds = (performance.now() - beginMs) / 1000;
    const found = await clients.readAll();
    return judge({ cluster, clients, history, found, deeds: nemesis.done, seconds });
  } catch (error) {
    return { problems: [describe(error), ...tailsOf(cluster)], violations: [], summary: "" };
  } finally {
    if (flags.verbose) for (const { process } of cluster.nodes) say(process.output);
    await clients.close();
    await cluster.close();
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function heal(cluster: ProcessCluster): void {
  cluster.network.heal();
  for (const { process } of cluster.nodes) {
    if (process.isStopped) process.resume();
    if (!process.isRunning) process.start();
  }
}

function judge(run: {
  readonly cluster: ProcessCluster;
  readonly clients: Clients;
  readonly history: History;
  readonly found: ReadonlySet<string>;
  readonly deeds: Deeds;
  readonly seconds: number;
}): Report {
  const { cluster, clients, history, found, deeds, seconds } = run;
  const { ledger } = clients;
  const lost = [...ledger.acknowledged].filter((key) => !found.has(key));
  const ghosts = [...ledger.notApplied].filter((key) => found.has(key));
  const beganMs = performance.now();
  const verdict = checkHistory(history.operations());
  const checkedMs = performance.now() - beganMs;
  const { answered, notApplied, unknown } = history.counts;
  const ended = cluster.nodes.filter(({ process }) => process.unexpectedEnding !== undefined);
  const problems = [
    ...someOf(lost, "acknowledged and gone"),
    ...someOf(ghosts, "refused as not applied and there all the same"),
    ...verdict.undecided.map(
      (key) => `undecided: the history of ${key} has too many possibilities`,
    ),
    ...ended.map(({ id, process }) => {
      const { code, signal } = process.unexpectedEnding ?? {};
      return `${id} ended by itself: ${signal ?? code}\n${process.output.slice(-OUTPUT_TAIL)}`;
    }),
    ...[...new Set(clients.strange.map(describe))].map((error) => `strange error: ${error}`),
  ];
  const what = Object.entries(deeds).map(([name, count]) => `${count} × ${name}`);
  const summary =
    `${answered} calls answered in ${seconds.toFixed(0)} s, ${notApplied} not applied, ${unknown} unknown; ` +
    `${ledger.acknowledged.size} keys written once, ${ledger.unknown.size} of them unknown; ${what.join(", ")}. ` +
    `${verdict.operations} operations on ${verdict.keys} keys judged in ${checkedMs.toFixed(0)} ms.`;
  return { problems, violations: verdict.violations.map(renderCounterexample), summary };
}

function someOf(keys: readonly string[], what: string): readonly string[] {
  return keys.length === 0 ? [] : [`${keys.length} keys ${what}, such as ${keys[0]}`];
}

function tailsOf(cluster: ProcessCluster): readonly string[] {
  return cluster.nodes.map(({ id, process }) => `${id}: ${process.output.slice(-OUTPUT_TAIL)}`);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : ` (${describe(error.cause)})`;
  return `${error.message}${cause}`;
}

async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms in vain for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

// So that what was started ends too.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const { problems, violations, summary } = await withTemporaryDirectory("titan-chaos", run);
say(summary);
for (const problem of problems) say(problem);
for (const violation of violations) say(violation);
say(`seed ${flags.seed}`);
if (flags["stale-reads"]) {
  const isRejected = violations.length > 0;
  say(isRejected ? "Rejected, as it has to be." : "Stale reads were not noticed.");
  process.exit(isRejected ? 0 : 1);
}
const isGood = problems.length === 0 && violations.length === 0;
say(isGood ? "Linearizable, nothing lost." : "FAILED");
process.exit(isGood ? 0 : 1);
