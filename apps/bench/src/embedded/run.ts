/**
 * Runs the jobs that the chosen rows need: round by round, in each round phase by phase, in each phase
 * store by store, so that a noisy moment hits all of them alike.
 */
import { mkdir, rm } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import type { Arguments } from "./arguments.js";
import type { StoreName } from "./engines/engine.js";
import type { Job, Phase } from "./job.js";
import { DATASETS, type Dataset, phaseOf, type Row } from "./rows.js";
import { runInProcess } from "./worker-process.js";

export interface Failure {
  readonly store: StoreName;
  readonly what: string;
  readonly error: string;
}

/** Everything that was measured. */
export interface Outcome {
  /** By row and store, one figure per round. */
  readonly figures: ReadonlyMap<Row, ReadonlyMap<StoreName, readonly number[]>>;
  readonly failures: readonly Failure[];
  /** Time that reading Titan's hint files alone took when it was opened, by row, in ms. */
  readonly hintReadMs: ReadonlyMap<Row, readonly number[]>;
  /** The machine's load average at the end of each round; the benchmark itself makes 1 to 2. */
  readonly loadAverages: readonly number[];
}

const LOAD: Phase = { kind: "load" };
/** Phases that begin with an empty store of their own. */
const FRESH: readonly Phase["kind"][] = ["durable-put", "space", "order-cost"];
/** What does not vary, or takes so long that it is measured in the first round only. */
const ONCE: readonly Phase["kind"][] = ["space", "call-cost"];
/** A bound in minutes leaves so many, of which there is a median. */
const LEAST_ROUNDS = 3;

export class BenchmarkRun {
  private readonly options: Arguments;
  private readonly stores: readonly StoreName[];
  private readonly directory: string;
  private readonly figures = new Map<Row, Map<StoreName, number[]>>();
  private readonly hintReadMs = new Map<Row, number[]>();
  private readonly loadAverages: number[] = [];
  private readonly failures: Failure[] = [];
  /** Stores whose load of the current dataset failed: there is nothing to measure. */
  private readonly unloaded = new Set<StoreName>();

  /** @param directory for all data, removed by the caller */
  constructor(options: Arguments, stores: readonly StoreName[], directory: string) {
    this.options = options;
    this.stores = stores;
    this.directory = directory;
  }

  async run(): Promise<Outcome> {
    const { rounds } = this.options;
    const beganAt = performance.now();
    for (let round = 0; round < rounds; round += 1) {
      const roundBeganAt = performance.now();
      for (const dataset of DATASETS) await this.runDataset(dataset, round);
      this.loadAverages.push(loadavg()[0] ?? 0);
      const now = performance.now();
      const minutes = ((now - beganAt) / 60_000).toFixed(1);
      console.error(`round ${round + 1} of ${rounds} done after ${minutes} minutes`);
      if (this.isTimeUp(round + 1, now - beganAt, now - roundBeganAt)) break;
    }
    const { figures, failures, hintReadMs, loadAverages } = this;
    return { figures, failures, hintReadMs, loadAverages };
  }

  /** Whether another round like the last one would end too late. The first one is the longest. */
  private isTimeUp(done: number, elapsedMs: number, lastMs: number): boolean {
    return done >= LEAST_ROUNDS && elapsedMs + lastMs > this.options.minutes * 60_000;
  }

  private async runDataset(dataset: Dataset, round: number): Promise<void> {
    const rows = this.options.rows.filter((row) => row.dataset === dataset);
    if (rows.length === 0) return;
    const isKept = dataset.keysFactor > 1;
    for (const phase of phasesOf(rows)) {
      // Loading ten times as much takes long.
      const isOnce = (phase.kind === "load" && isKept) || ONCE.includes(phase.kind);
      if (isOnce && round > 0) continue;
      for (const store of rotated(this.stores, round)) {
        const measured = rows.filter(
          (row) => keyOf(phaseOf(row, store)) === keyOf(phase) && (store === "titan" || !row.isOwn),
        );
        if (measured.length > 0 || phase.kind === "load") {
          await this.runPhase({ store, dataset, phase, rows: measured });
        }
      }
    }
    if (!isKept || round === this.options.rounds - 1) await this.dropData(dataset);
  }

  private async runPhase(step: {
    readonly store: StoreName;
    readonly dataset: Dataset;
    readonly phase: Phase;
    readonly rows: readonly Row[];
  }): Promise<void> {
    const { store, dataset, phase, rows } = step;
    const isFresh = FRESH.includes(phase.kind);
    if (!isFresh && phase.kind !== "load" && this.unloaded.has(store)) return;
    const directory = join(this.directory, isFresh ? "fresh" : dataset.name, store);
    if (isFresh || phase.kind === "load") {
      await rm(directory, { recursive: true, force: true });
      await mkdir(directory, { recursive: true });
      this.unloaded.delete(store);
    }
    const { keys, seed, seconds } = this.options;
    const { valueBytes } = dataset;
    const count = Math.round(keys * dataset.keysFactor);
    const job: Job = { store, phase, directory, keys: count, valueBytes, seed, seconds };
    const message = await runInProcess(job);
    if (isFresh) await rm(directory, { recursive: true, force: true });
    const what = `${count} keys, ${valueBytes} B: ${keyOf(phase)}`;
    if ("error" in message) {
      console.error(`${store} failed, ${what}: ${message.error}`);
      this.failures.push({ store, what, error: message.error.split("\n")[0] ?? "" });
      if (phase.kind === "load") this.unloaded.add(store);
      return;
    }
    const { metrics } = message.result;
    console.error(`${store}, ${what}: ${JSON.stringify(metrics)}`);
    for (const row of rows) this.record(row, store, metrics);
  }

  private record(row: Row, store: StoreName, metrics: Readonly<Record<string, number>>): void {
    const figure = metrics[row.metric];
    if (figure === undefined) throw new Error(`assertion: no ${row.metric} for ${row.id}`);
    const byStore = this.figures.get(row) ?? new Map<StoreName, number[]>();
    this.figures.set(row, byStore);
    byStore.set(store, [...(byStore.get(store) ?? []), figure]);
    const { hintReadMs } = metrics;
    if (store === "titan" && hintReadMs !== undefined && row.metric === "openMs") {
      this.hintReadMs.set(row, [...(this.hintReadMs.get(row) ?? []), hintReadMs]);
    }
  }

  private async dropData(dataset: Dataset): Promise<void> {
    await rm(join(this.directory, dataset.name), { recursive: true, force: true });
    this.unloaded.clear();
  }
}

/** In the order of the rows, each once, with a load before the first that needs data. */
function phasesOf(rows: readonly Row[]): readonly Phase[] {
  const phases = new Map<string, Phase>();
  for (const row of rows) {
    if (!FRESH.includes(row.phase.kind)) phases.set(keyOf(LOAD), LOAD);
    phases.set(keyOf(row.phase), row.phase);
    if (row.titanPhase !== undefined) phases.set(keyOf(row.titanPhase), row.titanPhase);
  }
  return [...phases.values()];
}

function keyOf(phase: Phase): string {
  return Object.values(phase).join(" ");
}

function rotated<T>(items: readonly T[], by: number): readonly T[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}
