/**
 * What a snapshot's chunks hold: the sessions of the group, then the state machine's own bytes.
 *
 *     bytes of the sessions (u32, little-endian), sessions (`session-codec.ts`), state
 */

import { RaftHostError } from "../errors.js";
import type { SnapshotChunks } from "../state-machine.js";

const LENGTH_BYTES = 4;

/** Sessions and state, one after the other. */
export async function* joinState(
  sessions: Uint8Array,
  state: SnapshotChunks,
): AsyncGenerator<Uint8Array> {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(sessions.length);
  yield length;
  yield sessions;
  yield* state;
}

/** A snapshot taken apart. */
export interface SplitState {
  readonly sessions: Uint8Array;
  /** What follows; to be read once. */
  readonly state: AsyncGenerator<Uint8Array>;
  /** Lets go of the chunks, whether all were read or not. */
  close(): Promise<void>;
}

/** @throws RaftHostError `RAFT_HOST_SNAPSHOT_DAMAGED`; what `chunks` throws */
export async function splitState(chunks: AsyncIterable<Uint8Array>): Promise<SplitState> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  const fill = async (bytes: number): Promise<void> => {
    while (head.length < bytes) {
      const next = await iterator.next();
      if (next.done === true) throw tooShort(head.length);
      head = Buffer.concat([head, next.value]);
    }
  };
  const close = async (): Promise<void> => {
    await iterator.return?.();
  };
  try {
    await fill(LENGTH_BYTES);
    const end = LENGTH_BYTES + head.readUInt32LE(0);
    await fill(end);
    const sessions = Uint8Array.from(head.subarray(LENGTH_BYTES, end));
    return { sessions, state: rest(head.subarray(end), iterator), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function* rest(
  first: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  for (;;) {
    const next = await iterator.next();
    if (next.done === true) return;
    yield next.value;
  }
}

function tooShort(bytes: number): RaftHostError {
  const message = `a snapshot that ends after ${bytes} bytes, amid its sessions`;
  return new RaftHostError({ code: "RAFT_HOST_SNAPSHOT_DAMAGED", message });
}
