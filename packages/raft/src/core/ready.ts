/**
 * The work that a node hands to its host.
 *
 * Storage is always asynchronous: the host may take the next {@link Ready} before earlier tasks
 * are done, as long as append tasks are written in order, and apply tasks applied in order. When
 * an append task is durable, its responses are delivered: to other members over the network, to
 * this node by `step`. That is what keeps a vote or an acknowledgement from being heard before it
 * is on disk (Raft thesis §3.8). A host with blocking storage does all of that at once.
 */

import type { Entry } from "./entry.js";
import type { LogIndex, NodeId } from "./ids.js";
import type { ApplyDone, Message, PeerMessage } from "./message.js";
import type { Role } from "./options.js";
import type { HardState, Snapshot } from "./storage.js";

/** What is worth knowing and need not be stored. */
export interface SoftState {
  readonly leader: NodeId | undefined;
  readonly role: Role;
}

/** The read numbered `context` may be served once everything up to `index` is applied. */
export interface ReadState {
  readonly context: number;
  readonly index: LogIndex;
}

export interface AppendTask {
  /** Replaces the stored one; absent when unchanged. */
  readonly hardState?: HardState;
  /** Replaces log and state machine. Entries of the same task follow behind it. */
  readonly snapshot?: Snapshot;
  /** Overwrite the log from the first one's index on, after the snapshot is in its place. */
  readonly entries: readonly Entry[];
  /**
   * To deliver, in order, once this task and all before it are durable. Each goes to its `to`:
   * to other members, or back into this node by `step`.
   */
  readonly responses: readonly Message[];
  /**
   * Term, vote or entries changed, so a power cut now would lose a promise. When false, the write
   * may be lazy; its responses still wait for the writes before it.
   */
  readonly mustSync: boolean;
}

export interface ApplyTask {
  /** Committed, contiguous, each exactly once. */
  readonly entries: readonly Entry[];
  /** To `step` once they are applied. */
  readonly response: ApplyDone;
}

export interface Ready {
  /** Present when changed. */
  readonly softState?: SoftState;
  readonly readStates: readonly ReadState[];
  /** To send at once: none of these waits for the disk. */
  readonly messages: readonly PeerMessage[];
  readonly append?: AppendTask;
  readonly apply?: ApplyTask;
}
