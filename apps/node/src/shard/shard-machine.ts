/**
 * A shard's replicated state, in a Bitcask store of its own. Everything that a batch of commands does goes to the store
 * in one atomic step together with the index of the last of them; the store is opened with `sync: "never"`, as the Raft
 * log is the durable copy.
 *
 * Invariant: between two calls of the host the store holds exactly the commands up to `appliedIndex`.
 */
import { Bitcask, type BitcaskPorts, type BitcaskStats, isBitcaskError } from "@titan/bitcask";
import type { ApplyResults, Command, OnDiskStateMachine, TakenSnapshot } from "@titan/raft";
import { KvError } from "../kv/kv-error.js";
import { MalformedBytes } from "../wire/byte-reader.js";
import { ChangeHistory } from "./change-history.js";
import { ChecksumBook, type ShardChecksum } from "./checksum-book.js";
import { CommandRunner } from "./command-runner.js";
import { SessionTable } from "./session-table.js";
import { ShardDirectory } from "./shard-directory.js";
import { decodeHead, EMPTY_HEAD, encodeHead, type ShardHead } from "./shard-head.js";
import { type ResolvedShardOptions, storeOptions } from "./shard-options.js";
import { ShardState } from "./shard-state.js";
import { readSnapshot, writeSnapshot } from "./snapshot-stream.js";
import { HEAD_KEY } from "./system-keys.js";

export interface ShardMachineDeps {
  /** The replica's own, made if it is not there. */
  readonly directory: string;
  readonly ports: BitcaskPorts;
  readonly options: ResolvedShardOptions;
  /** Told when a full disk holds up the shard, with each try. */
  readonly onStalled?: (error: unknown) => void;
  /** Told when the store could not be closed in good order. Nothing is lost: the group's log has it. */
  readonly onCloseFailed?: (error: unknown) => void;
}

/** What a machine is made of while its store is open. */
interface Opened {
  readonly db: Bitcask;
  readonly state: ShardState;
  readonly runner: CommandRunner;
}

const RETRY_MS = 500;
/** A history in a file is no larger than one in memory may be, and this. */
const HISTORY_FILE_OVERHEAD_BYTES = 1024 * 1024;

export class ShardMachine implements OnDiskStateMachine {
  readonly kind = "on-disk";
  readonly history: ChangeHistory;
  readonly #deps: ShardMachineDeps;
  readonly #directory: ShardDirectory;
  readonly #sessions = new SessionTable();
  readonly #checksums: ChecksumBook;
  readonly #listeners = new Set<() => void>();
  #opened: Opened | undefined;
  #appliedIndex = 0;
  #nowMs = 0;
  #latestChange = 0;
  #wakeRetry: (() => void) | undefined;
  #isClosed = false;

  constructor(deps: ShardMachineDeps) {
    this.#deps = deps;
    this.#directory = new ShardDirectory(deps.ports.fileSystem, deps.directory);
    this.history = new ChangeHistory(deps.options.history);
    this.#checksums = new ChecksumBook(deps.ports.clock);
  }

  /** Revision of the last change that shows in reads; the history's floor when none is known. */
  get latestChange(): number {
    return this.#latestChange;
  }

  /** Figures of the store; undefined when it is not open, or has failed. */
  stats(): BitcaskStats | undefined {
    try {
      return this.#opened?.db.stats();
    } catch (error) {
      if (!isBitcaskError(error)) throw error;
      return undefined;
    }
  }

  /** The store: for reads between two turns. @throws KvError `NOT_SERVING` when the machine is not open */
  get db(): Bitcask {
    return this.#require().db;
  }

  /** Every command up to here shows in reads, and none after. */
  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  /** The shard's clock as of {@link ShardMachine.appliedIndex}. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Before this time of the shard's clock nothing expires. */
  get earliestDueMs(): number {
    const opened = this.#opened;
    if (opened === undefined) return Number.POSITIVE_INFINITY;
    return Math.min(opened.state.earliestExpiryMs, this.#sessions.earliestIdleMs);
  }

  /** Records of the shard's own among the keys of the store. */
  get ownRecords(): number {
    return 1 + this.#sessions.records + (this.#opened?.state.expiring ?? 0);
  }

  /** Calls `listener` whenever commands have been applied or the state was replaced. @returns ends that */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The digest as of a checksum command; undefined when this replica did not see it since it was opened. */
  checksum(index: number): Promise<ShardChecksum | undefined> {
    return this.#checksums.of(index);
  }

  async open(): Promise<number> {
    if (!(await this.#directory.open())) {
      const { number, path } = await this.#directory.begin();
      const db = await this.#openStore(path);
      await this.#directory.take(number);
      await this.#directory.takeHistory(0);
      return this.#use(db);
    }
    const db = await this.#openStore(this.#directory.store);
    await this.#loadHistory(headOf(db).index);
    return this.#use(db);
  }

  async apply(commands: readonly Command[]): Promise<ApplyResults> {
    const { runner, state } = this.#require();
    const results: Uint8Array[] = [];
    for (const { index, data } of commands) {
      if (runner.needsFlush(data)) await this.#flush();
      results.push(runner.run(index, data));
      const isChecksum = runner.takeChecksum();
      if (!isChecksum && state.gatheredBytes < this.#deps.options.flushBytes) continue;
      await this.#flush();
      if (isChecksum) this.#checksums.begin(index, this.#require().db.snapshot());
    }
    await this.#flush();
    for (const listener of this.#listeners) listener();
    return results;
  }

  async sync(): Promise<number> {
    const index = this.#appliedIndex;
    await this.#require().db.sync();
    return index;
  }

  async snapshot(): Promise<TakenSnapshot> {
    const { db } = this.#require();
    const { fileSystem } = this.#deps.ports;
    const index = this.#appliedIndex;
    const history = this.history.encode();
    const path = this.#directory.beginCheckpoint();
    await db.checkpoint(path);
    const directory = this.#directory;
    async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
      try {
        yield* writeSnapshot(fileSystem, path, history);
      } finally {
        await directory.remove(path);
      }
    }
    return { index, chunks: chunks() };
  }

  async restore(snapshot: {
    readonly index: number;
    readonly chunks: AsyncIterable<Uint8Array>;
  }): Promise<void> {
    const { number, path } = await this.#directory.begin();
    const old = this.#require().db;
    const oldPath = this.#directory.store;
    let db: Bitcask | undefined;
    try {
      const history = await readSnapshot(this.#deps.ports.fileSystem, path, snapshot.chunks);
      db = await this.#openStore(path);
      const head = { ...headOf(db), index: snapshot.index };
      await db.batch([{ type: "put", key: HEAD_KEY, value: encodeHead(head) }], { sync: "always" });
      this.history.load(history);
      await this.#directory.take(number);
    } catch (error) {
      await db?.close().catch(() => undefined);
      await this.#directory.remove(path);
      throw error;
    }
    this.#checksums.forget();
    this.#use(db);
    await old.close();
    await this.#directory.remove(oldPath);
    for (const listener of this.#listeners) listener();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wakeRetry?.();
    this.#checksums.forget();
    const opened = this.#opened;
    if (opened === undefined) return;
    try {
      await opened.db.close();
      // Behind the store: a history that is ahead of it would tell of what did not happen.
      const head = Buffer.alloc(INDEX_BYTES);
      head.writeDoubleLE(this.#appliedIndex);
      await this.#directory.saveHistory(Buffer.concat([head, this.history.encode()]));
    } catch (error) {
      this.#deps.onCloseFailed?.(error);
      // Nothing is lost: what the disk did not take is in the group's log, which is cut behind `sync` only, and without
      // its history the shard tells watches to begin anew. And one shard's disk must not keep a node from ending.
    } finally {
      this.#opened = undefined;
      for (const listener of this.#listeners) listener();
    }
  }

  /** Writes what was gathered together with where that leaves the shard. */
  async #flush(): Promise<void> {
    const { db, state } = this.#require();
    const { index, nowMs } = state.head;
    if (index === this.#appliedIndex) return;
    state.putRecord(HEAD_KEY, encodeHead(state.head));
    const operations = state.take();
    for (;;) {
      try {
        await db.batch(operations);
        break;
      } catch (error) {
        if (!isPassing(error) || this.#isClosed) throw error;
        // The disk is full: all that follows waits, and the host refuses writes meanwhile.
        this.#deps.onStalled?.(error);
        await this.#pause();
      }
    }
    this.#appliedIndex = index;
    this.#nowMs = nowMs;
    this.#latestChange = this.history.latest;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#deps.ports.clock.schedule(RETRY_MS, resolve);
      this.#wakeRetry = () => {
        cancel();
        resolve();
      };
    });
  }

  #openStore(path: string): Promise<Bitcask> {
    return Bitcask.open(path, storeOptions(this.#deps.options, this.#deps.ports));
  }

  /** Goes on from what `db` holds. @returns the index that it stands at */
  #use(db: Bitcask): number {
    const head = headOf(db);
    this.#sessions.load(db);
    const state = new ShardState(db, this.history, head);
    this.#opened = { db, state, runner: new CommandRunner(db, state, this.#sessions) };
    this.#appliedIndex = head.index;
    this.#nowMs = head.nowMs;
    this.#latestChange = this.history.latest;
    return head.index;
  }

  async #loadHistory(index: number): Promise<void> {
    this.history.reset(index);
    const { history } = this.#deps.options;
    const most = 2 * history.bytes + HISTORY_FILE_OVERHEAD_BYTES;
    const bytes = await this.#directory.takeHistory(most);
    if (bytes === undefined || bytes.length < INDEX_BYTES) return;
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (view.readDoubleLE(0) !== index) return;
    try {
      this.history.load(view.subarray(INDEX_BYTES));
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      // Of another release: watches that are older than the opening are told that it is gone.
    }
  }

  #require(): Opened {
    if (this.#opened === undefined) {
      throw new KvError({ code: "NOT_SERVING", message: "the shard's store is not open" });
    }
    return this.#opened;
  }
}

const INDEX_BYTES = 8;

function headOf(db: Bitcask): ShardHead {
  const bytes = db.getSync(HEAD_KEY);
  return bytes === undefined ? EMPTY_HEAD : decodeHead(bytes);
}

/** A write that has left no trace, and may succeed later. */
function isPassing(error: unknown): boolean {
  if (!isBitcaskError(error) || error.outcome !== "not-applied") return false;
  return error.code === "BITCASK_DISK_FULL" || error.code === "BITCASK_OVERLOADED";
}
