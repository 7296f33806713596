/**
 * Cuts a group's log: behind a snapshot of a state machine in memory, or behind what one on disk has
 * made durable. One at a time, in the background; the state machine only stands still while it says what
 * its state is.
 */

import type { ConfigState } from "../../core/configuration.js";
import type { Entry } from "../../core/entry.js";
import { type LogIndex, type LogPosition, shiftIndex, toLogIndex } from "../../core/ids.js";
import type { NodeStatus } from "../../core/status.js";
import type { LogStorage, Snapshot, SnapshotMeta } from "../../core/storage.js";
import type { GroupUpdate } from "../../wal/group-update.js";
import type { WriteJob } from "../log-writer.js";
import type { CompactionOptions } from "../options.js";
import { encodeSessions } from "../session/session-codec.js";
import type { SessionTable } from "../session/session-table.js";
import type { SnapshotFiles } from "../snapshot/snapshot-files.js";
import { encodeChunks } from "../snapshot/snapshot-format.js";
import { fileData, heldData, snapshotFile } from "../snapshot/snapshot-pointer.js";
import { joinState } from "../snapshot/state-stream.js";
import type { StateMachine } from "../state-machine.js";
import type { PipelineJob } from "./apply-pipeline.js";
import { unneededThrough } from "./followed-log.js";

/** The log of so many times `everyBytes` and `everyEntries` stays for a member that gets a snapshot. */
const MAX_HELD = 8;

/** The group, as compaction sees it. */
export interface CompactedGroup {
  readonly applied: LogPosition;
  /** The last command among what is applied; what comes after it changes no state machine. */
  readonly lastCommand: number;
  readonly config: ConfigState;
  readonly core: { status(): NodeStatus };
  runBetweenApplies(job: PipelineJob): void;
  fail(cause: unknown): void;
}

export interface CompactionDeps {
  readonly group: number;
  readonly machine: StateMachine;
  readonly sessions: SessionTable;
  readonly storage: LogStorage;
  readonly files: SnapshotFiles;
  readonly options: Required<CompactionOptions>;
  readonly write: (job: WriteJob) => void;
  /** Jobs have been queued outside of a turn. */
  readonly wake: () => void;
  /** Index of the oldest snapshot that is being sent, or whose transfer broke off. */
  readonly oldestSent: () => LogIndex | undefined;
  readonly onCompacted: (index: LogIndex) => void;
  readonly onFailed: (error: unknown) => void;
}

export class Compaction {
  readonly #deps: CompactionDeps;
  #bytes = 0;
  #entries = 0;
  /** Of commands, about, in what stays in the log for members that get a snapshot. */
  #heldBytes = 0;
  #isBusy = false;
  #isWanted = false;
  /** What the next cut leaves of what could go. */
  #leaves: "the usual" | "what is followed" | "nothing" = "the usual";
  #isStopped = false;
  /** The file that is being written, to its end; never rejects. */
  #storing: Promise<void> | undefined;
  /** The newest snapshot that is in the log, or on its way there. */
  #snapshot: { readonly index: LogIndex; readonly file: string | undefined };
  /** Files that the log names no more once the snapshot at this index is written. */
  readonly #superseded = new Map<LogIndex, string>();

  constructor(deps: CompactionDeps) {
    this.#deps = deps;
    const snapshot = deps.storage.snapshot();
    const index = snapshot?.meta.index ?? toLogIndex(0);
    this.#snapshot = { index, file: snapshotFile(snapshot) };
  }

  /** Index of the first entry that is in the log. */
  get firstIndex(): LogIndex {
    return this.#deps.storage.firstIndex();
  }

  /** An entry has been applied. */
  count(entry: Entry): void {
    this.#bytes += entry.data.length;
    this.#entries += 1;
  }

  /** A snapshot from elsewhere is on its way into the log. */
  installed(snapshot: Snapshot): void {
    this.#replace(snapshot.meta.index, snapshotFile(snapshot));
  }

  /** Whether `file` is the newest snapshot. */
  names(file: string): boolean {
    return this.#snapshot.file === file;
  }

  /** A snapshot from elsewhere is in the log, and in the state machine. */
  restored(snapshot: Snapshot): void {
    this.#removeSuperseded(snapshot.meta.index);
    // One on disk now keeps the state twice: with the next command, the file can go.
    if (this.#deps.machine.kind === "on-disk") this.#isWanted = true;
  }

  /** A member needs a newer snapshot than there is. */
  request(group: CompactedGroup): void {
    this.#isWanted = true;
    this.consider(group);
  }

  /**
   * The index of all logs is full: cuts all that can go, be it that less is left than usual.
   * @param keepsFollowed whether what members with a snapshot under way follow on from stays
   * @returns whether something is done about it
   */
  shorten(group: CompactedGroup, keepsFollowed: boolean): boolean {
    if (this.#isBusy || this.#isStopped) return false;
    this.#leaves = keepsFollowed ? "what is followed" : "nothing";
    if (group.applied.index > this.#snapshot.index) this.request(group);
    else this.#cutAgain(group);
    return this.#isBusy;
  }

  /**
   * Nothing more goes into the log from here. Resolves when no file is being written: whoever opens the
   * group next removes the files that the log does not name.
   */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#storing;
  }

  /** Begins when it is time to. */
  consider(group: CompactedGroup): void {
    const { everyBytes, everyEntries } = this.#deps.options;
    // Nothing has happened since the last.
    if (group.applied.index <= this.#snapshot.index) return;
    if (!knowsItsConfig(group)) return;
    const isDue = this.#isWanted || this.#bytes >= everyBytes || this.#entries >= everyEntries;
    if (!isDue || this.#isBusy || this.#isStopped) return;
    this.#isBusy = true;
    const { machine } = this.#deps;
    group.runBetweenApplies(() => {
      if (!knowsItsConfig(group)) {
        this.#isBusy = false;
        return undefined;
      }
      this.#isWanted = false;
      this.#heldBytes += this.#bytes;
      this.#bytes = 0;
      this.#entries = 0;
      if (machine.kind === "on-disk") return this.#cutBehind(group, () => machine.sync());
      if (group.applied.index <= this.#snapshot.index) {
        this.#isBusy = false;
        return undefined;
      }
      // Taken now, written while commands are applied.
      const state = joinState(encodeSessions(this.#deps.sessions), machine.snapshot());
      this.#storing = this.#storeFile(group, metaOf(group), state, fileData);
      return undefined;
    });
  }

  /** Asks the state machine to make all that it holds durable, and cuts the log behind that. */
  async #cutBehind(group: CompactedGroup, sync: () => Promise<number>): Promise<void> {
    const durable = await sync();
    if (this.#isStopped) return;
    const { lastCommand } = group;
    // The sessions are as of now, so less than all is of no use.
    if (durable < lastCommand || group.applied.index <= this.#snapshot.index) {
      this.#isBusy = false;
      return;
    }
    const { sessions } = this.#deps;
    if (sessions.size === 0) {
      this.#save(group, { meta: metaOf(group), data: heldData(lastCommand, undefined) });
      return;
    }
    const toData = (file: string): Uint8Array => heldData(lastCommand, file);
    const state = joinState(encodeSessions(sessions), []);
    this.#storing = this.#storeFile(group, metaOf(group), state, toData);
  }

  async #storeFile(
    group: CompactedGroup,
    meta: SnapshotMeta,
    state: AsyncIterable<Uint8Array>,
    toData: (file: string) => Uint8Array,
  ): Promise<void> {
    try {
      const file = await this.#deps.files.store(this.#deps.group, meta.index, encodeChunks(state));
      if (this.#isStopped || meta.index <= this.#snapshot.index) {
        // The group has ended, or a snapshot from the leader has overtaken this one.
        this.#isBusy = false;
        await this.#deps.files.remove(file);
        return;
      }
      this.#save(group, { meta, data: toData(file) });
    } catch (error) {
      this.#isBusy = false;
      this.#deps.onFailed(error);
    }
  }

  #save(group: CompactedGroup, snapshot: Snapshot): void {
    const { index } = snapshot.meta;
    const { storage } = this.#deps;
    const kept = this.#cutAt(group, index);
    const isCut = kept >= storage.firstIndex();
    this.#replace(index, snapshotFile(snapshot));
    const update = { group: this.#deps.group, saveSnapshot: snapshot };
    this.#write(group, isCut ? { ...update, compactTo: kept } : update, index);
  }

  /** Cuts behind the snapshot that there is, as nothing has been applied since. */
  #cutAgain(group: CompactedGroup): void {
    const { storage } = this.#deps;
    const { index } = this.#snapshot;
    // One that is on its way into the log cuts it by itself.
    if (storage.snapshot()?.meta.index !== index) return;
    const kept = this.#cutAt(group, index);
    if (kept < storage.firstIndex()) return;
    this.#isBusy = true;
    this.#write(group, { group: this.#deps.group, compactTo: kept }, index);
  }

  #write(group: CompactedGroup, update: GroupUpdate, index: LogIndex): void {
    this.#deps.write({
      update,
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

  /** The last index that goes. */
  #cutAt(group: CompactedGroup, index: LogIndex): LogIndex {
    const { options, oldestSent } = this.#deps;
    const leaves = this.#leaves;
    this.#leaves = "the usual";
    const keepEntries = leaves === "the usual" ? options.keepEntries : 0;
    const cut = shiftIndex(index, -Math.min(index, keepEntries));
    const unneeded = unneededThrough(group.core.status(), oldestSent());
    if (unneeded !== undefined && unneeded < cut && leaves !== "nothing") {
      const isBounded =
        cut - unneeded <= MAX_HELD * options.everyEntries &&
        this.#heldBytes <= MAX_HELD * options.everyBytes;
      if (isBounded) return unneeded;
    }
    this.#heldBytes = 0;
    return cut;
  }

  #replace(index: LogIndex, file: string | undefined): void {
    const { file: old } = this.#snapshot;
    this.#snapshot = { index, file };
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

/**
 * Whether the configuration that the group has is the one of what it has applied. It is a later one, while a
 * snapshot is on its way to the state machine and entries before that one's last change are still applied.
 */
function knowsItsConfig(group: Pick<CompactedGroup, "applied" | "config">): boolean {
  return group.config.changedAt <= group.applied.index;
}

function metaOf({ applied, config }: CompactedGroup): SnapshotMeta {
  return { ...applied, config };
}
