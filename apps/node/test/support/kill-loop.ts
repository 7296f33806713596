/**
 * Kills a node with SIGKILL under concurrent writers, over and over, and checks after each restart
 * that every writer's keys are as its last acknowledged write left them, or as its unanswered one did.
 *
 * Each writer owns a few keys, of one shard, and has one write under way: a put, a delete, or a batch over all of its
 * keys. So after a kill its keys may be in one of two states and no other; half a batch is neither.
 */

import { type SpawnedNode, spawnNode } from "./spawned-node.js";
import { connect } from "./test-node.js";

/** What to run. */
export interface KillLoopOptions {
  readonly directory: string;
  readonly rounds: number;
  readonly seed: number;
  readonly writers?: number;
  /** Called after each round. */
  readonly onRound?: (round: number) => void;
}

/** What happened. A violation throws instead. */
export interface KillLoopReport {
  readonly acknowledged: number;
  /** Writes that a kill left unanswered, and how many of them had happened. */
  readonly unanswered: number;
  readonly unansweredApplied: number;
  /** Kills before the node served again, that is, in its recovery. */
  readonly killsInStart: number;
  readonly slowestStartMs: number;
}

const KEYS_PER_WRITER = 4;
/** A round ends after a random number of answers, at most so many, and a random moment more. */
const MAX_ROUND_ANSWERS = 500;
const MAX_ROUND_MS = 500;
const MAX_EXTRA_MS = 10;
const MAX_START_KILL_MS = 250;
const SYNC_MODES = ["always", "interval", "never"] as const;

/** Values by key; a missing key has none. */
type State = ReadonlyMap<string, string>;

interface Writer {
  readonly keys: readonly string[];
  state: State;
  /** The state that the write under way leaves. */
  attempted: State | undefined;
  sequence: number;
}

type Client = ReturnType<typeof connect>;

/** Runs the loop. @throws Error that names writer, key, round and seed at the first violation */
export async function runKillLoop(options: KillLoopOptions): Promise<KillLoopReport> {
  const { rounds, seed, directory, onRound } = options;
  const random = seededRandom(seed);
  const writers = Array.from({ length: options.writers ?? 64 }, (_, i) => newWriter(i));
  const report = {
    ...{ acknowledged: 0, unanswered: 0, unansweredApplied: 0 },
    ...{ killsInStart: 0, slowestStartMs: 0 },
  };
  for (let round = 0; round < rounds; round += 1) {
    const sync = SYNC_MODES[Math.floor(random() * SYNC_MODES.length)] ?? "always";
    const args = ["--data-dir", directory, "--sync", sync, "--log-level", "warn"];
    if (random() < 0.15) {
      await killInStart(spawnNode(args), random() * MAX_START_KILL_MS);
      report.killsInStart += 1;
    }
    const startedAt = performance.now();
    const node = spawnNode(args);
    const client = connect(await node.listening);
    report.slowestStartMs = Math.max(report.slowestStartMs, performance.now() - startedAt);
    try {
      await verify(client, writers, report, `round ${round}, seed ${seed}`);
      const target = report.acknowledged + 1 + random() * MAX_ROUND_ANSWERS;
      let hasEnough: () => void = () => undefined;
      const enough = new Promise<void>((resolve) => {
        hasEnough = resolve;
      });
      const onAnswer = () => {
        report.acknowledged += 1;
        if (report.acknowledged >= target) hasEnough();
      };
      let isKilled = false;
      const loops = writers.map((writer) =>
        write(client, writer, random, { onAnswer, isKilled: () => isKilled }),
      );
      await Promise.race([enough, sleep(MAX_ROUND_MS), ...loops]);
      await sleep(random() * MAX_EXTRA_MS);
      isKilled = true;
      node.child.kill("SIGKILL");
      await Promise.all([node.ended, ...loops]);
    } finally {
      node.child.kill("SIGKILL");
      client.channel.close();
    }
    onRound?.(round);
  }
  await verifyOnce(directory, writers, report, `the end, seed ${seed}`);
  return report;
}

/** Its keys are on one shard, so that it can write them together. */
function newWriter(index: number): Writer {
  const keys = Array.from({ length: KEYS_PER_WRITER }, (_, key) => `{w${index}}/${key}`);
  return { keys, state: new Map(), attempted: undefined, sequence: 0 };
}

async function killInStart(node: SpawnedNode, afterMs: number): Promise<void> {
  await sleep(afterMs);
  node.child.kill("SIGKILL");
  await node.ended;
}

/** Writes until the node is killed. Throws when a write fails before that: nothing else may fail it. */
async function write(
  { kv }: Client,
  writer: Writer,
  random: () => number,
  round: { readonly onAnswer: () => void; readonly isKilled: () => boolean },
): Promise<void> {
  for (;;) {
    writer.sequence += 1;
    const value = String(writer.sequence);
    const kind = random();
    const key = writer.keys[Math.floor(random() * KEYS_PER_WRITER)] ?? "";
    const next = new Map(writer.state);
    let call: () => Promise<unknown>;
    if (kind < 0.7) {
      next.set(key, value);
      call = () => kv.put({ key: Buffer.from(key), value: Buffer.from(value) });
    } else if (kind < 0.8) {
      next.delete(key);
      call = () => kv.delete({ key: Buffer.from(key) });
    } else {
      for (const one of writer.keys) next.set(one, value);
      const operations = writer.keys.map((one) => ({
        operation: {
          $case: "put" as const,
          value: { key: Buffer.from(one), value: Buffer.from(value) },
        },
      }));
      call = () => kv.batch({ operations });
    }
    writer.attempted = next;
    try {
      await call();
    } catch (error) {
      if (round.isKilled()) return;
      throw error;
    }
    writer.state = next;
    writer.attempted = undefined;
    round.onAnswer();
  }
}

async function verify(
  { kv }: Client,
  writers: readonly Writer[],
  report: { unanswered: number; unansweredApplied: number },
  when: string,
): Promise<void> {
  const found = new Map<string, string>();
  for await (const { entries } of kv.scan({})) {
    for (const { key, value } of entries) {
      found.set(Buffer.from(key).toString(), Buffer.from(value).toString());
    }
  }
  const known = new Set(writers.flatMap(({ keys }) => keys));
  for (const key of found.keys()) if (!known.has(key)) throw new Error(`invented key ${key}`);
  for (const writer of writers) {
    const hasOld = holds(found, writer.keys, writer.state);
    const { attempted } = writer;
    if (attempted !== undefined) {
      report.unanswered += 1;
      const hasNew = holds(found, writer.keys, attempted);
      if (hasNew) report.unansweredApplied += 1;
      // What was read after a restart is settled: it may not go away again.
      if (hasNew) writer.state = attempted;
      else if (!hasOld) fail(writer, found, when);
    } else if (!hasOld) fail(writer, found, when);
    writer.attempted = undefined;
  }
}

async function verifyOnce(
  directory: string,
  writers: readonly Writer[],
  report: { unanswered: number; unansweredApplied: number },
  when: string,
): Promise<void> {
  const node = spawnNode(["--data-dir", directory, "--log-level", "warn"]);
  const client = connect(await node.listening);
  try {
    await verify(client, writers, report, when);
  } finally {
    client.channel.close();
    node.child.kill("SIGTERM");
    await node.ended;
  }
}

function holds(found: State, keys: readonly string[], state: State): boolean {
  return keys.every((key) => found.get(key) === state.get(key));
}

function fail(writer: Writer, found: State, when: string): never {
  const show = (state: State | undefined) =>
    state && writer.keys.map((key) => `${key}=${state.get(key) ?? "-"}`).join(" ");
  throw new Error(
    `${when}: found ${show(found)}; acknowledged ${show(writer.state)}; ` +
      `under way ${show(writer.attempted) ?? "nothing"}`,
  );
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Uniform in [0, 1): a linear congruential generator with Knuth's MMIX constants, high bits. */
function seededRandom(seed: number): () => number {
  let state = BigInt(seed);
  return () => {
    state = (state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) & ((1n << 64n) - 1n);
    return Number(state >> 32n) / 2 ** 32;
  };
}
