/**
 * Everything that touches a state machine, one thing after another: batches of committed entries,
 * restores, snapshots. Runs beside the protocol; what is done at once needs no turn of the event loop.
 *
 * Bound: the core hands out at most `maxApplyingBytes` of entries that are not reported done; beside
 * those there is one snapshot and one restore at a time.
 */

import { type Entry, isConfigEntry } from "../../core/entry.js";
import type { LogIndex } from "../../core/ids.js";
import type { ApplyTask } from "../../core/ready.js";
import { RaftHostError } from "../errors.js";
import { ApplyBatch, type EntryOutcome } from "../session/apply-batch.js";
import type { SessionTable } from "../session/session-table.js";
import type { ApplyResults, StateMachine } from "../state-machine.js";
import type { GroupMeter } from "./group-meter.js";

const DONE: EntryOutcome = { isApplied: true, result: undefined };

export interface ApplyPipelineDeps {
  readonly machine: StateMachine;
  /** Commands up to here are in the state machine already: they are not given to it again. */
  readonly skipThrough: number;
  /** The last command of the state that the group starts from. */
  readonly lastCommand: number;
  /** Switches the group to the configuration of a committed entry. */
  readonly applyConfig: (entry: Entry) => void | Promise<void>;
  /** Part of the group's state, beside the state machine's. */
  readonly sessions: SessionTable;
  readonly meter: GroupMeter;
  /** An entry has been applied. */
  readonly onEntry: (entry: Entry, outcome: EntryOutcome) => void;
  /** A whole task has been applied. */
  readonly onTask: (task: ApplyTask) => void;
  /** The group cannot go on. */
  readonly onFailed: (error: unknown) => void;
}

/** Work with the state machine; answers at once, or when the promise resolves. */
export type PipelineJob = () => void | Promise<void>;

interface QueuedJob {
  readonly run: PipelineJob;
  /** The pipeline has stopped: the job will not be run. */
  readonly onDropped: (() => void) | undefined;
}

export class ApplyPipeline {
  readonly #deps: ApplyPipelineDeps;
  #queue: QueuedJob[] = [];
  #skipThrough: number;
  #lastCommand: number;
  #busy: Promise<void> | undefined;
  #isStopped = false;

  constructor(deps: ApplyPipelineDeps) {
    this.#deps = deps;
    this.#skipThrough = deps.skipThrough;
    this.#lastCommand = deps.lastCommand;
  }

  /** Index of the last command among what has been applied: nothing after it concerns the state machine. */
  get lastCommand(): number {
    return this.#lastCommand;
  }

  apply(task: ApplyTask): void {
    this.run(() => this.#apply(task));
  }

  /**
   * Runs `run` after all that was given before it. A job that throws fails the group.
   * @param onDropped called in its place when the pipeline stops before
   */
  run(run: PipelineJob, onDropped?: () => void): void {
    if (this.#isStopped) {
      onDropped?.();
      return;
    }
    this.#queue.push({ run, onDropped });
    this.#pump();
  }

  /** Nothing more is begun. Resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#drop();
    await this.#busy;
  }

  /** The state machine stands at `index` now, restored from a snapshot. */
  restoredTo(index: LogIndex): void {
    this.#skipThrough = Math.max(this.#skipThrough, index);
    this.#lastCommand = index;
  }

  #pump(): void {
    while (this.#busy === undefined && !this.#isStopped) {
      const job = this.#queue.shift();
      if (job === undefined) return;
      try {
        const done = job.run();
        if (done !== undefined) this.#wait(done);
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  #wait(done: Promise<void>): void {
    const end = (): void => {
      this.#busy = undefined;
    };
    this.#busy = done.then(
      () => {
        end();
        this.#pump();
      },
      (error: unknown) => {
        end();
        this.#fail(error);
      },
    );
  }

  #fail(error: unknown): void {
    if (this.#isStopped) return;
    this.#drop();
    this.#deps.onFailed(error);
  }

  #drop(): void {
    this.#isStopped = true;
    const queue = this.#queue;
    this.#queue = [];
    for (const { onDropped } of queue) onDropped?.();
  }

  #apply(task: ApplyTask): void | Promise<void> {
    const { entries } = task;
    if (entries.some(isConfigEntry)) return this.#applyMixed(task);
    const done = this.#applyCommands(entries);
    if (done === undefined) {
      this.#deps.onTask(task);
      return undefined;
    }
    return done.then(() => {
      // Stopped meanwhile: whoever stopped it has told all that wait.
      if (!this.#isStopped) this.#deps.onTask(task);
    });
  }

  /** Commands and changes of the configuration, in their order. */
  async #applyMixed(task: ApplyTask): Promise<void> {
    const { entries } = task;
    let from = 0;
    while (from < entries.length && !this.#isStopped) {
      const entry = entries[from];
      if (entry !== undefined && isConfigEntry(entry)) {
        await this.#deps.applyConfig(entry);
        if (!this.#isStopped) this.#deps.onEntry(entry, DONE);
        from += 1;
        continue;
      }
      const next = entries.findIndex((other, at) => at > from && isConfigEntry(other));
      const to = next < 0 ? entries.length : next;
      await this.#applyCommands(entries.slice(from, to));
      from = to;
    }
    if (!this.#isStopped) this.#deps.onTask(task);
  }

  #applyCommands(entries: readonly Entry[]): void | Promise<void> {
    const batch = new ApplyBatch(this.#deps.sessions, this.#skipThrough);
    for (const entry of entries) batch.add(entry);
    if (batch.commands.length === 0) {
      this.#settle(entries, batch, []);
      return undefined;
    }
    const end = this.#deps.meter.beginCommands(batch.commands.length);
    const answered = this.#deps.machine.apply(batch.commands);
    if (!(answered instanceof Promise)) {
      end();
      this.#settle(entries, batch, answered);
      return undefined;
    }
    return answered.then((results) => {
      end();
      if (!this.#isStopped) this.#settle(entries, batch, results);
    });
  }

  #settle(entries: readonly Entry[], batch: ApplyBatch, results: ApplyResults): void {
    const { length } = batch.commands;
    if (results.length !== length) {
      const message = `the state machine gave ${results.length} answers to ${length} commands`;
      throw new RaftHostError({ code: "RAFT_HOST_APPLY_FAILED", outcome: "unknown", message });
    }
    this.#lastCommand = batch.lastCommand ?? this.#lastCommand;
    const outcomes = batch.finish(results);
    for (const [at, entry] of entries.entries()) this.#deps.onEntry(entry, outcomes[at] ?? DONE);
  }
}
