/**
 * What a group wants written, and what is to be heard once it is. A task's promises are heard only when
 * it and all tasks before it are durable (Raft thesis §3.8), in that order; a task that carries a snapshot
 * is done when the state machine has it, too.
 */

import type { Message } from "../../core/message.js";
import type { AppendTask } from "../../core/ready.js";
import type { HardState, Snapshot } from "../../core/storage.js";
import type { GroupUpdate } from "../../wal/group-update.js";
import type { WriteJob } from "../log-writer.js";

interface Waiting {
  readonly responses: readonly Message[];
  isDone: boolean;
}

export interface AppendTasksDeps {
  readonly group: number;
  readonly write: (job: WriteJob) => void;
  /** A response may be heard. */
  readonly deliver: (message: Message) => void;
  /** A snapshot is in the log: put it into the state machine, then call `done`. */
  readonly restore: (snapshot: Snapshot, done: () => void) => void;
  /** A task is done: there may be something to release. */
  readonly onDone: () => void;
  readonly onRefused: (error: unknown) => void;
}

export class AppendTasks {
  readonly #deps: AppendTasksDeps;
  /** Oldest first. */
  readonly #waiting: Waiting[] = [];
  /** The newest state that is not written: only the commit index is new in it. */
  #unwritten: HardState | undefined;
  /** Those who wait for it. */
  readonly #settling = new Set<() => void>();

  constructor(deps: AppendTasksDeps) {
    this.#deps = deps;
  }

  /** Queues a task for the disk. */
  add(task: AppendTask): void {
    const { entries, snapshot, responses, mustSync } = task;
    const { group, write, restore, onRefused } = this.#deps;
    if (task.hardState !== undefined) this.#unwritten = task.hardState;
    const waiting: Waiting = { responses, isDone: false };
    this.#waiting.push(waiting);
    if (!mustSync && snapshot === undefined) {
      // A commit index alone is only a hint for the next start: it goes with the next write.
      waiting.isDone = true;
      return;
    }
    const done = (): void => {
      waiting.isDone = true;
      this.#deps.onDone();
    };
    const base = { group, ...this.#takeState() };
    write({
      update: { ...base, ...(snapshot && { installSnapshot: snapshot }), entries },
      mustSync: true,
      // A crash in between repeats the restoring.
      onWritten: snapshot === undefined ? done : () => restore(snapshot, done),
      onRefused,
    });
  }

  /** Delivers what may be heard by now. */
  release(): void {
    while (this.#waiting[0]?.isDone === true) {
      const task = this.#waiting.shift();
      for (const response of task?.responses ?? []) this.#deps.deliver(response);
    }
  }

  /**
   * Resolves when the commit index that was handed out last is durable, or the group has ended. For a
   * change of members: a crash could take back that it was committed, and leave this member asking for
   * votes of those who are gone.
   */
  settleCommit(): Promise<void> {
    const { group, write, onRefused } = this.#deps;
    return new Promise((resolve) => {
      const onWritten = (): void => {
        this.#settling.delete(onWritten);
        resolve();
      };
      this.#settling.add(onWritten);
      write({ update: { group, ...this.#takeState() }, mustSync: true, onWritten, onRefused });
    });
  }

  /** The group ends: nothing more will be written. */
  end(): void {
    for (const giveUp of this.#settling) giveUp();
  }

  /** The commit index, when it has not been written: for an orderly end. */
  takeUnwritten(): GroupUpdate | undefined {
    const state = this.#takeState();
    return "hardState" in state ? { group: this.#deps.group, ...state } : undefined;
  }

  #takeState(): { readonly hardState?: HardState } {
    const hardState = this.#unwritten;
    this.#unwritten = undefined;
    return hardState === undefined ? {} : { hardState };
  }
}
