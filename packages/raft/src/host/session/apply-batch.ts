/**
 * Committed entries on their way to the state machine: which of them are commands for it, and what became
 * of the others. However the log is cut into batches, the outcome is the same.
 */

import type { Entry } from "../../core/entry.js";
import { unwrap } from "../envelope.js";
import { RaftHostError, type RaftHostErrorCode } from "../errors.js";
import type { ApplyResults, Command } from "../state-machine.js";
import type { KeptAnswer, SessionTable } from "./session-table.js";

/** What became of an entry, for whoever proposed it. */
export type EntryOutcome =
  | { readonly isApplied: true; readonly result: Uint8Array | undefined }
  | { readonly isApplied: false; readonly error: RaftHostError };

/** An entry whose outcome is known, comes from the state machine, or from an earlier request. */
type Slot =
  | { readonly kind: "known"; readonly outcome: EntryOutcome }
  | { readonly kind: "command"; readonly at: number; readonly keep: KeptAnswer | undefined }
  | { readonly kind: "again"; readonly answer: KeptAnswer };

const NOTHING: EntryOutcome = { isApplied: true, result: undefined };

export class ApplyBatch {
  readonly #sessions: SessionTable;
  readonly #skipThrough: number;
  readonly #commands: Command[] = [];
  readonly #slots: Slot[] = [];
  #lastCommand: number | undefined;

  /** @param skipThrough commands up to here are in the state machine already */
  constructor(sessions: SessionTable, skipThrough: number) {
    this.#sessions = sessions;
    this.#skipThrough = skipThrough;
  }

  /** Index of the last entry that is a command for the state machine, be it one that it has already. */
  get lastCommand(): number | undefined {
    return this.#lastCommand;
  }

  /** What the state machine is to apply. */
  get commands(): readonly Command[] {
    return this.#commands;
  }

  /** Takes the next entry. @throws RaftHostError `RAFT_HOST_APPLY_FAILED` */
  add(entry: Entry): void {
    const envelope = unwrap(entry.data);
    switch (envelope.kind) {
      case "none":
        this.#slots.push({ kind: "known", outcome: NOTHING });
        return;
      case "command":
        this.#addCommand(entry, envelope.command, undefined);
        return;
      case "open-session":
        this.#sessions.open(entry.index);
        this.#slots.push({ kind: "known", outcome: NOTHING });
        return;
      case "close-session":
        this.#sessions.close(envelope.client);
        this.#slots.push({ kind: "known", outcome: NOTHING });
        return;
      case "session-command": {
        const verdict = this.#sessions.judge(envelope);
        if (verdict.kind === "fresh") this.#addCommand(entry, envelope.command, verdict.answer);
        else if (verdict.kind === "again") this.#slots.push(verdict);
        else this.#slots.push({ kind: "known", outcome: refused(verdict.kind) });
        return;
      }
    }
  }

  /** @param results to {@link commands} @returns an outcome for each entry, in their order */
  finish(results: ApplyResults): EntryOutcome[] {
    for (const slot of this.#slots) {
      if (slot.kind !== "command" || slot.keep === undefined) continue;
      this.#sessions.keep(slot.keep, results[slot.at]);
    }
    return this.#slots.map((slot) => {
      if (slot.kind === "known") return slot.outcome;
      if (slot.kind === "command") return { isApplied: true, result: results[slot.at] };
      const { isKnown, result } = slot.answer;
      return isKnown ? { isApplied: true, result } : refused("answer-lost");
    });
  }

  #addCommand({ index, term }: Entry, data: Uint8Array, keep: KeptAnswer | undefined): void {
    this.#lastCommand = index;
    if (index <= this.#skipThrough) {
      // The state machine has it, and will not say again what it answered.
      this.#slots.push({ kind: "known", outcome: NOTHING });
      return;
    }
    this.#slots.push({ kind: "command", at: this.#commands.length, keep });
    this.#commands.push({ index, term, data });
  }
}

type RefusalKind = "answered" | "no-session" | "too-many-open" | "answer-lost";

const REFUSALS: Readonly<
  Record<
    RefusalKind,
    {
      readonly code: RaftHostErrorCode;
      readonly outcome: "applied" | "not-applied" | "unknown";
      readonly message: string;
    }
  >
> = {
  answered: {
    code: "RAFT_HOST_ALREADY_ANSWERED",
    outcome: "unknown",
    message: "the client has said before that it has the answer to this request",
  },
  "no-session": {
    code: "RAFT_HOST_SESSION_EXPIRED",
    // This proposal was not, but an earlier one of the same request may have been.
    outcome: "unknown",
    message: "the session was ended, or not used for so long that others took its place",
  },
  "too-many-open": {
    code: "RAFT_HOST_SESSION_FULL",
    outcome: "not-applied",
    message: "too many requests of the session wait to be told that their answers came",
  },
  "answer-lost": {
    code: "RAFT_HOST_ANSWER_LOST",
    outcome: "applied",
    message: "the request was applied before; its answer is not known any more",
  },
};

function refused(kind: RefusalKind): EntryOutcome {
  return { isApplied: false, error: new RaftHostError(REFUSALS[kind]) };
}
