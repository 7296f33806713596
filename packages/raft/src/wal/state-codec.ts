/**
 * Payloads of the records that hold no entries. All numbers take 8 bytes.
 *
 *     hard state   term, vote (0: none), commit; then, if a log was forgotten, the position where it ended
 *     position     index, term
 *     config       changedAt, autoLeave (0 or 1), then voters, votersOutgoing, learners,
 *                  learnersNext: each a count and its ids
 *     snapshot     index, term, bytes of the data, the data, zeros up to a multiple of 8, config
 */

import type { ConfigState } from "../core/configuration.js";
import { type LogPosition, type NodeId, toLogIndex, toNodeId, toTerm } from "../core/ids.js";
import type { HardState, Snapshot } from "../core/storage.js";
import { alignUp, readU64, writeU64 } from "./byte-layout.js";

const HARD_STATE_BYTES = 24;
export const POSITION_BYTES = 16;
const CONFIG_FIXED_BYTES = 48;
const SNAPSHOT_FIXED_BYTES = 24;

export function hardStateBytes({ forgotten }: HardState): number {
  return HARD_STATE_BYTES + (forgotten === undefined ? 0 : POSITION_BYTES);
}

export function encodeHardState(buffer: Buffer, hardState: HardState, at: number): void {
  writeU64(buffer, hardState.term, at);
  writeU64(buffer, hardState.vote ?? 0, at + 8);
  writeU64(buffer, hardState.commit, at + 16);
  if (hardState.forgotten !== undefined) {
    encodePosition(buffer, hardState.forgotten, at + HARD_STATE_BYTES);
  }
}

export function decodeHardState(payload: Buffer): HardState {
  const vote = readU64(payload, 8);
  return {
    term: toTerm(readU64(payload, 0)),
    vote: vote === 0 ? undefined : toNodeId(vote),
    commit: toLogIndex(readU64(payload, 16)),
    ...(payload.length > HARD_STATE_BYTES && {
      forgotten: decodePosition(payload.subarray(HARD_STATE_BYTES)),
    }),
  };
}

export function encodePosition(buffer: Buffer, position: LogPosition, at: number): void {
  writeU64(buffer, position.index, at);
  writeU64(buffer, position.term, at + 8);
}

export function decodePosition(payload: Buffer): LogPosition {
  return { index: toLogIndex(readU64(payload, 0)), term: toTerm(readU64(payload, 8)) };
}

export function configBytes(config: ConfigState): number {
  return CONFIG_FIXED_BYTES + 8 * memberLists(config).reduce((sum, list) => sum + list.length, 0);
}

export function encodeConfig(buffer: Buffer, config: ConfigState, at: number): void {
  writeU64(buffer, config.changedAt, at);
  writeU64(buffer, config.autoLeave ? 1 : 0, at + 8);
  let position = at + 16;
  for (const list of memberLists(config)) {
    writeU64(buffer, list.length, position);
    position += 8;
    for (const id of list) {
      writeU64(buffer, id, position);
      position += 8;
    }
  }
}

export function decodeConfig(payload: Buffer): ConfigState {
  let position = 16;
  const nextList = (): NodeId[] => {
    const count = readU64(payload, position);
    position += 8;
    const ids: NodeId[] = [];
    for (let taken = 0; taken < count; taken += 1) {
      ids.push(toNodeId(readU64(payload, position)));
      position += 8;
    }
    return ids;
  };
  return {
    changedAt: toLogIndex(readU64(payload, 0)),
    autoLeave: readU64(payload, 8) === 1,
    voters: nextList(),
    votersOutgoing: nextList(),
    learners: nextList(),
    learnersNext: nextList(),
  };
}

export function snapshotBytes(snapshot: Snapshot): number {
  const { meta, data } = snapshot;
  return SNAPSHOT_FIXED_BYTES + alignUp(data.length) + configBytes(meta.config);
}

export function encodeSnapshot(buffer: Buffer, snapshot: Snapshot, at: number): void {
  const { meta, data } = snapshot;
  encodePosition(buffer, meta, at);
  writeU64(buffer, data.length, at + POSITION_BYTES);
  buffer.set(data, at + SNAPSHOT_FIXED_BYTES);
  encodeConfig(buffer, meta.config, at + SNAPSHOT_FIXED_BYTES + alignUp(data.length));
}

/** The data are a copy: a snapshot outlives the buffer it was read in. */
export function decodeSnapshot(payload: Buffer): Snapshot {
  const { index, term } = decodePosition(payload);
  const dataEnd = SNAPSHOT_FIXED_BYTES + readU64(payload, POSITION_BYTES);
  const data = Uint8Array.from(payload.subarray(SNAPSHOT_FIXED_BYTES, dataEnd));
  return { meta: { index, term, config: decodeConfig(payload.subarray(alignUp(dataEnd))) }, data };
}

function memberLists(config: ConfigState): readonly (readonly NodeId[])[] {
  return [config.voters, config.votersOutgoing, config.learners, config.learnersNext];
}
