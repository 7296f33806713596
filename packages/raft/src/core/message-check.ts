/**
 * Refuses messages that no correct peer sends, before they can touch any state: decoded frames
 * are untrusted, however well their checksums match.
 */

import { isRestorable } from "./config-changer.js";
import type { EntryType, ProposedEntry } from "./entry.js";
import type { LogPosition, NodeId } from "./ids.js";
import type { AppendRequest, PeerMessage } from "./message.js";
import type { SnapshotMeta } from "./storage.js";

/** Largest term, index and position that is believed: at a million a second, 142 years. */
const LARGEST_COUNT = 2 ** 52;

const ENTRY_TYPES: ReadonlySet<string> = new Set<EntryType>([
  "normal",
  "config-change",
  "single-config-change",
]);

/** What is wrong with `message` as one addressed to `self`; undefined when nothing is. */
export function whatIsWrong(message: PeerMessage, self: NodeId): string | undefined {
  if (message.to !== self) return "addressed to another node";
  if (!isCount(message.from) || message.from === 0) return "impossible sender";
  if ("term" in message && !isCount(message.term)) return "impossible term";
  switch (message.type) {
    case "vote-request":
    case "pre-vote-request":
      if (!Number.isSafeInteger(message.priority)) return "impossible priority";
      return wrongPosition(message.last) ?? wrongCommitted(message);
    case "append-request":
      return wrongAppend(message);
    case "append-response":
      if (!isCount(message.index)) return "impossible index";
      return message.rejectedHint === undefined ? undefined : wrongPosition(message.rejectedHint);
    case "heartbeat-request":
      if (!isCount(message.commit)) return "impossible commit index";
      return isCount(message.readPosition) ? undefined : "impossible read position";
    case "heartbeat-response":
      return isCount(message.readPosition) ? undefined : "impossible read position";
    case "snapshot-request":
      return wrongSnapshot(message.snapshot.meta);
    case "read-request":
      return Number.isSafeInteger(message.context) ? undefined : "impossible read context";
    case "read-response":
      return isCount(message.index) ? undefined : "impossible index";
    case "transfer-request":
      return isCount(message.transferee) ? undefined : "impossible transferee";
    case "propose-request":
      if (message.entries.length === 0) return "a proposal without entries";
      return message.entries.every(isKnownType) ? undefined : "entries of an unknown type";
    case "vote-response":
    case "pre-vote-response":
      return wrongCommitted(message);
    case "timeout-now":
      return undefined;
    default:
      return "unknown type";
  }
}

/** Entries follow `previous` without a hole, in terms that never go back nor beyond the leader's. */
function wrongAppend(message: AppendRequest): string | undefined {
  if (!isCount(message.commit)) return "impossible commit index";
  const wrong = wrongPosition(message.previous);
  if (wrong !== undefined) return wrong;
  if (message.previous.term > message.term) return "previous entry of a later term";
  let { index, term }: { index: number; term: number } = message.previous;
  for (const entry of message.entries) {
    index += 1;
    if (entry.index !== index) return "entries with a hole";
    if (!isKnownType(entry)) return "entries of an unknown type";
    if (!isCount(entry.term) || entry.term < term || entry.term > message.term) {
      return "entries with impossible terms";
    }
    term = entry.term;
  }
  return undefined;
}

/** Checked before anything is given up for it: a node could not start again from what does not restore. */
function wrongSnapshot(meta: SnapshotMeta): string | undefined {
  const { config } = meta;
  if (meta.index === 0) return "an empty snapshot";
  if (!isCount(config.changedAt) || config.changedAt > meta.index) return "a later configuration";
  if (config.voters.length === 0) return "a configuration without voters";
  return isRestorable(config) ? wrongPosition(meta) : "an impossible configuration";
}

function wrongCommitted(message: { readonly committed?: LogPosition }): string | undefined {
  return message.committed === undefined ? undefined : wrongPosition(message.committed);
}

function wrongPosition(position: LogPosition): string | undefined {
  return isCount(position.index) && isCount(position.term) ? undefined : "impossible log position";
}

/** Room is left to count on: a number at the very edge could never be followed by another. */
function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= LARGEST_COUNT;
}

function isKnownType(entry: ProposedEntry): boolean {
  return ENTRY_TYPES.has(entry.type);
}
