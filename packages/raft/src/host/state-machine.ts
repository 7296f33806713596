/**
 * What is replicated: your code. Both kinds are told the committed commands of their group in order,
 * the same on every member, and must come to the same state from them: no clock, no chance, no
 * iteration in an order that may differ.
 *
 * The host never calls into a state machine while an earlier call is under way. One that throws, or
 * whose promise rejects, stops its group on this host: what it holds is then uncertain.
 */

import type { LogIndex, Term } from "../core/ids.js";

/** A committed command. `data` must not be changed. */
export interface Command {
  readonly index: LogIndex;
  readonly term: Term;
  readonly data: Uint8Array;
}

/** The answer to each command, in their order: what `propose` resolves with. */
export type ApplyResults = readonly (Uint8Array | undefined)[];

/** Bytes of a snapshot in pieces of any size. */
export type SnapshotChunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Lives in memory: the host keeps its snapshots on disk and restores it from them at start. */
export interface InMemoryStateMachine {
  readonly kind: "in-memory";
  /** Applies commands, one at least. A state machine that answers at once saves a turn. */
  apply(commands: readonly Command[]): ApplyResults | Promise<ApplyResults>;
  /**
   * The state as it is now. Commands are applied while the chunks are read, and must not show in
   * them.
   */
  snapshot(): SnapshotChunks;
  /** Replaces the state. Called at start too, when there is a snapshot. */
  restore(chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** Called once, when the group closes. */
  close?(): Promise<void>;
}

/** A snapshot made while it is asked for. */
export interface TakenSnapshot {
  /** Every command up to here is in it, and none after. */
  readonly index: number;
  readonly chunks: SnapshotChunks;
}

/**
 * Keeps itself on disk, with the index of the last command that it holds, changed in the same atomic
 * step as its data. It may lose recent commands in a crash, as long as it loses the last ones: the
 * host applies them again.
 */
export interface OnDiskStateMachine {
  readonly kind: "on-disk";
  /** Opens the state. @returns the index of the last command in it; 0 when it is empty */
  open(): Promise<number>;
  /** Applies commands, one at least, and stores the last one's index with their effects. */
  apply(commands: readonly Command[]): ApplyResults | Promise<ApplyResults>;
  /**
   * Makes all that was applied durable. The log is cut behind what this says, never before.
   * @returns an index that no crash can take the state back behind
   */
  sync(): Promise<number>;
  /** The state as it is now; must stay so while the chunks are read. */
  snapshot(): TakenSnapshot | Promise<TakenSnapshot>;
  /**
   * Replaces the state by a snapshot, durably, and then stands at `snapshot.index`. After a crash in
   * the middle, `open` says an index below that, and the host restores again.
   */
  restore(snapshot: {
    readonly index: number;
    readonly chunks: AsyncIterable<Uint8Array>;
  }): Promise<void>;
  /** Called once, when the group closes. */
  close?(): Promise<void>;
}

export type StateMachine = InMemoryStateMachine | OnDiskStateMachine;
