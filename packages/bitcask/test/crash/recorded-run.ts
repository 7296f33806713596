/** Runs a workload once and keeps, at every operation that changes the disk, what a crash would meet. */
import { setImmediate as turnOfEventLoop } from "node:timers/promises";
import type { Bitcask, BitcaskOptions, SyncMode } from "../../src/index.js";
import {
  type FaultRule,
  isChange,
  type MemoryDisk,
  SeededRandom,
} from "../../src/testing/index.js";
import { History, readState, type Write } from "./history.js";
import { Machine } from "./machine.js";
import { KEYS, type Step } from "./workload.js";

/** A moment just before an operation that changes the disk. */
export interface CrashPoint {
  readonly disk: MemoryDisk;
  /** The operation that the crash forestalls. */
  readonly before: string;
  /** Writes that must survive a power cut. */
  readonly durable: number;
  /** Writes that must survive the end of the process. */
  readonly answered: number;
  /** Writes that may survive. */
  readonly submitted: number;
}

export interface RecordedRun {
  readonly history: History;
  readonly points: readonly CrashPoint[];
  /** How often each kind of change was seen. */
  readonly changes: ReadonlyMap<string, number>;
}

/**
 * @param seed decides how the effects of concurrent calls interleave
 * @param faults strike during the run; a store that fails under them fails the run
 */
export async function recordRun(
  steps: readonly Step[],
  options: BitcaskOptions,
  seed: number,
  faults: readonly FaultRule[] = [],
): Promise<RecordedRun> {
  const random = new SeededRandom(seed);
  const defer = async (): Promise<void> => {
    for (let turns = random.nextInt(4); turns > 0; turns -= 1) await Promise.resolve();
  };
  const machine = new Machine({ options, fileSystem: { defer } });
  for (const rule of faults) machine.fileSystem.faults.add(rule);
  const history = new History();
  const points: CrashPoint[] = [];
  const changes = new Map<string, number>();
  const note = (before: string): void => {
    const { durable, answered, submittedCount: submitted } = history;
    const disk = machine.fileSystem.snapshot();
    points.push({ disk, before, durable, answered, submitted });
  };
  machine.fileSystem.onOperation = (operation) => {
    if (!isChange(operation)) return;
    changes.set(operation.kind, (changes.get(operation.kind) ?? 0) + 1);
    note(`${operation.kind} ${operation.path}`);
  };
  let db = await machine.open();
  for (const step of steps) {
    db = await runStep(step, db, machine, history);
    const state = await readState(db, KEYS);
    if (state !== history.latest) throw new Error(`reads "${state}", wrote "${history.latest}"`);
  }
  await db.close();
  history.promise(history.submittedCount);
  note("the end");
  if (machine.fileSystem.openHandleCount > 0) throw new Error("the store leaves handles open");
  machine.stop();
  return { history, points, changes };
}

async function runStep(
  step: Step,
  db: Bitcask,
  machine: Machine,
  history: History,
): Promise<Bitcask> {
  switch (step.type) {
    case "write":
      await submitAll(db, step.writes, step.sync, history);
      return db;
    case "merge":
      await Promise.all([db.merge(), submitAll(db, step.writes, step.sync, history)]);
      return db;
    case "sync": {
      const { answered } = history;
      await db.sync();
      history.promise(answered);
      return db;
    }
    case "reopen":
      await db.close();
      history.promise(history.submittedCount);
      return machine.open();
    case "advance":
      machine.clock.advance(step.milliseconds);
      // Timers and earlier writes start work in the background; let it happen before the next step.
      for (let turn = 0; turn < 20; turn += 1) await turnOfEventLoop();
      return db;
    default:
      return step satisfies never;
  }
}

async function submitAll(
  db: Bitcask,
  writes: readonly Write[],
  sync: SyncMode,
  history: History,
): Promise<void> {
  await Promise.all(writes.map(async (write) => submit(db, write, sync, history)));
}

async function submit(db: Bitcask, write: Write, sync: SyncMode, history: History): Promise<void> {
  const [first] = write.operations;
  if (first === undefined) return;
  const existed = history.has(String(first.key));
  const position = history.submit(write);
  if (write.isBatch) {
    await db.batch(write.operations, { sync });
  } else if (first.type === "put") {
    await db.put(first.key, first.value, { sync });
  } else if ((await db.delete(first.key, { sync })) !== existed) {
    throw new Error(`delete("${String(first.key)}") should have said ${existed}`);
  }
  history.answer(position);
  if (sync === "always") history.promise(position);
}
