/**
 * Cuts a group's log: behind a snapshot of a state machine in memory, or behind what one on disk has
 * made durable. One at a time, in the background; the state machine only stands still while it says what
 * its state is.
 */

import type { ConfigState } from "../../core/configuration.js";
import type { Entry } from "../../core/entry.js";
import { type LogIndex, type LogPosition, shiftIndex, toLogIndex } from "../../core/ids.js";
import type { LogStorage, Snapshot } from "../../core/storage.js";
import type { WriteJob } from "../log-writer.js";
import type { CompactionOptions } from "../options.js";
import type { SnapshotFiles } from "../snapshot/snapshot-files.js";
import { encodeChunks } from "../snapshot/snapshot-format.js";
import { fileData, heldData, snapshotFile } from "../snapshot/snapshot-pointer.js";
import type { StateMachine } from "../state-machine.js";
import type { PipelineJob } from "./apply-pipeline.js";

/** The group, as compaction sees it. */
export interface CompactedGroup {
  readonly applied: LogPosition;
  /** The last command among what is applied; what comes after it changes no state machine. */
  readonly lastCommand: number;
  readonly config: ConfigState;
  runBetweenApplies(job: PipelineJob): void;
  fail(cause: unknown): void;
}

export interface CompactionDeps {
  readonly group: number;
  readonly machine: StateMachine;
  readonly storage: LogStorage;
  readonly files: SnapshotFiles;
  readonly options: Required<CompactionOptions>;
  readonly write: (job: WriteJob) => void;
  /** Jobs have been queued outside of a turn. */
  readonly wake: () => void;
  readonly onCompacted: (index: LogIndex) => void;
  readonly onFailed: (error: unknown) => void;
}

export class Compaction {
  readonly #deps: CompactionDeps;
  #bytes = 0;
  #entries = 0;
  #isBusy = false;
  #isWanted = false;
  /** The newest snapshot that is in the log, or on its way there. */
  #snapshot: { readonly index: LogIndex; readonly file: string | undefined };
  /** Configurations since then, oldest first; the first is that of the snapshot. */
  #configs: ConfigState[];
  /** Files that the log names no more once the snapshot at this index is written. */
  readonly #superseded = new Map<LogIndex, string>();

  constructor(deps: CompactionDeps) {
    this.#deps = deps;
    const snapshot = deps.storage.snapshot();
    const index = snapshot?.meta.index ?? toLogIndex(0);
    this.#snapshot = { index, file: snapshotFile(snapshot) };
    this.#configs = snapshot === undefined ? [] : [snapshot.meta.config];
  }

  /** An entry has been applied. */
  count(entry: Entry): void {
    this.#bytes += entry.data.length;
    this.#entries += 1;
  }

  /** A configuration has been applied. */
  configured(config: ConfigState): void {
    this.#configs.push(config);
  }

  /** A snapshot from elsewhere is on its way into the log. */
  installed(snapshot: Snapshot): void {
    this.#replace(snapshot.meta.index, snapshotFile(snapshot), snapshot.meta.config);
  }

  /** Whether `file` is the newest snapshot. */
  names(file: string): boolean {
    return this.#snapshot.file === file;
  }

  /** A snapshot from elsewhere is in the log, and in the state machine. */
  restored(snapshot: Snapshot): void {
    this.#removeSuperseded(snapshot.meta.index);
    const file = snapshotFile(snapshot);
    // One on disk now keeps the state itself.
    if (this.#deps.machine.kind !== "on-disk" || file === undefined) return;
    if (this.names(file)) this.#snapshot = { index: snapshot.meta.index, file: undefined };
    this.#remove(file);
  }

  /** A member needs a newer snapshot than there is. */
  request(group: CompactedGroup): void {
    this.#isWanted = true;
    this.consider(group);
  }

  /** Begins when it is time to. */
  consider(group: CompactedGroup): void {
    const { everyBytes, everyEntries } = this.#deps.options;
    if (this.#isWanted && group.applied.index <= this.#snapshot.index) this.#isWanted = false;
    const isDue = this.#isWanted || this.#bytes >= everyBytes || this.#entries >= everyEntries;
    if (!isDue || this.#isBusy) return;
    this.#isBusy = true;
    this.#isWanted = false;
    const { machine } = this.#deps;
    group.runBetweenApplies(() => {
      this.#bytes = 0;
      this.#entries = 0;
      if (machine.kind === "on-disk") return this.#cutBehind(group, () => machine.sync());
      const position = group.applied;
      const { config } = group;
      if (position.index <= this.#snapshot.index) {
        this.#isBusy = false;
        return undefined;
      }
      // Taken now, written while commands are applied.
      const pieces = machine.snapshot();
      void this.#storeFile(group, { ...position, config }, encodeChunks(pieces));
      return undefined;
    });
  }

  async #storeFile(
    group: CompactedGroup,
    meta: Snapshot["meta"],
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    try {
      const file = await this.#deps.files.store(this.#deps.group, meta.index, chunks);
      if (meta.index <= this.#snapshot.index) {
        // A snapshot from the leader has overtaken this one.
        this.#isBusy = false;
        await this.#deps.files.remove(file);
        return;
      }
      this.#save(group, { meta, data: fileData(file) });
    } catch (error) {
      this.#isBusy = false;
      this.#deps.onFailed(error);
    }
  }

  async #cutBehind(group: CompactedGroup, sync: () => Promise<number>): Promise<void> {
    const durable = await sync();
    const isAllDurable = durable >= group.lastCommand;
    const index = isAllDurable ? group.applied.index : toLogIndex(durable);
    const term = this.#deps.storage.term(index);
    const config = this.#configs.findLast(({ changedAt }) => changedAt <= index);
    if (index <= this.#snapshot.index || term === undefined || config === undefined) {
      this.#isBusy = false;
      return;
    }
    const lastCommand = isAllDurable ? group.lastCommand : index;
    this.#save(group, { meta: { index, term, config }, data: heldData(lastCommand) });
  }

  #save(group: CompactedGroup, snapshot: Snapshot): void {
    const { index, config } = snapshot.meta;
    const { storage, options } = this.#deps;
    const kept = shiftIndex(index, -Math.min(index, options.keepEntries));
    const isCut = kept >= storage.firstIndex();
    this.#replace(index, snapshotFile(snapshot), config);
    this.#deps.write({
      update: {
        group: this.#deps.group,
        saveSnapshot: snapshot,
        ...(isCut ? { compactTo: kept } : {}),
      },
      mustSync: true,
      onWritten: () => {
        this.#isBusy = false;
        this.#removeSuperseded(index);
        this.#deps.onCompacted(index);
      },
      onRefused: (error) => group.fail(error),
    });
    this.#deps.wake();
  }

  #replace(index: LogIndex, file: string | undefined, config: ConfigState): void {
    const { file: old } = this.#snapshot;
    this.#snapshot = { index, file };
    const later = this.#configs.filter(({ changedAt }) => changedAt > index);
    this.#configs = [config, ...later];
    if (old !== undefined) this.#superseded.set(index, old);
  }

  /** The log is written in order: what came before `index` is written, too. */
  #removeSuperseded(index: LogIndex): void {
    for (const [by, file] of this.#superseded) {
      if (by > index) continue;
      this.#superseded.delete(by);
      this.#remove(file);
    }
  }

  #remove(file: string): void {
    const { files, onFailed } = this.#deps;
    files.remove(file).catch(onFailed);
  }
}
