/**
 * What is known of one group, from all of its members: who led which term, what was committed, what was
 * applied. Each fact, once known, holds for ever; whatever contradicts one is a violation.
 */

import { crc32 } from "node:zlib";
import type { Entry } from "../core/entry.js";

/** An entry that some member holds. */
interface KnownEntry {
  readonly digest: number;
  /** Term of the entry before it. */
  readonly termBefore: number | undefined;
}

/** An entry that is committed. */
export interface CommittedEntry {
  readonly term: number;
  /** A term in which that was known; the one in which it came about, or a later one. */
  readonly knownInTerm: number;
}

/** Who votes; both halves while a joint configuration is in force. */
export interface Voters {
  readonly incoming: readonly number[];
  readonly outgoing: readonly number[];
}

/** The state of all members after a command. */
export interface KnownState {
  readonly chain: number;
  fingerprint: string | number | undefined;
  result: string | undefined;
}

const TYPE_FACTORS = { normal: 1, "config-change": 2, "single-config-change": 3 } as const;

export class GroupFacts {
  readonly group: number;
  readonly leaders = new Map<number, number>();
  /** By index and term. */
  readonly #entries = new Map<string, KnownEntry>();
  /** By index; without gaps from the first one known. */
  readonly committed = new Map<number, CommittedEntry>();
  lastCommitted = 0;
  /** By index of the command. */
  readonly states = new Map<number, KnownState>();
  /** Where each operation was applied. */
  readonly operations = new Map<number, number>();
  /** Operations that were refused for good. */
  readonly refused = new Set<number>();
  /** The latest configuration that any member has applied. */
  newestConfig: { readonly changedAt: number; readonly voters: Voters } | undefined;
  /** What a read that begins now must see. */
  floor = 0;

  constructor(group: number) {
    this.group = group;
    this.states.set(0, { chain: 0, fingerprint: undefined, result: undefined });
  }

  /** @returns what contradicts an entry of the same index and term elsewhere */
  noteEntry(entry: Entry, termBefore: number | undefined): string | undefined {
    const key = `${entry.index}/${entry.term}`;
    const digest = crc32(entry.data, TYPE_FACTORS[entry.type]);
    const known = this.#entries.get(key);
    if (known === undefined) {
      this.#entries.set(key, { digest, termBefore });
      return undefined;
    }
    if (known.digest !== digest) return `two entries of index and term ${key}`;
    const isSame =
      known.termBefore === undefined || termBefore === undefined || known.termBefore === termBefore;
    if (!isSame) {
      return `the entry before ${key} has term ${known.termBefore} and term ${termBefore}`;
    }
    return undefined;
  }

  /** @returns what contradicts it */
  noteCommitted(index: number, term: number, knownInTerm: number): string | undefined {
    const known = this.committed.get(index);
    if (known === undefined) {
      this.committed.set(index, { term, knownInTerm });
      this.lastCommitted = Math.max(this.lastCommitted, index);
      return undefined;
    }
    if (known.term === term) return undefined;
    return `index ${index} was committed with term ${known.term} and with term ${term}`;
  }

  /** The last index that was committed, as far as is known, before `term`. */
  lastCommittedBefore(term: number): number {
    for (let index = this.lastCommitted; index > 0; index -= 1) {
      const known = this.committed.get(index);
      if (known !== undefined && known.knownInTerm < term) return index;
    }
    return 0;
  }

  /** @returns what contradicts it */
  noteState(index: number, chain: number): string | undefined {
    const known = this.states.get(index);
    if (known === undefined) {
      this.states.set(index, { chain, fingerprint: undefined, result: undefined });
      return undefined;
    }
    return known.chain === chain ? undefined : `members differ after the command at ${index}`;
  }

  /** The index of the last command at `index` or before; 0 when there is none. */
  lastCommandUpTo(index: number): number {
    let last = index;
    while (last > 0 && !this.states.has(last)) last -= 1;
    return last;
  }

  /** @returns what contradicts it */
  noteOperation(operation: number, index: number): string | undefined {
    if (this.refused.has(operation))
      return `operation ${operation} was refused, and is at ${index}`;
    const known = this.operations.get(operation);
    if (known === undefined) this.operations.set(operation, index);
    if (known === undefined || known === index) return undefined;
    return `operation ${operation} was applied at ${known} and at ${index}`;
  }
}
