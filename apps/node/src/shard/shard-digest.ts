/**
 * A digest of all that a shard's store holds, for replicas to compare: SHA-256 over its records in byte order, each as
 * length of the key, length of the value (u32, little-endian), key, value. The shard's own records are in it, too: they
 * are replicated like any other.
 */
import { createHash } from "node:crypto";
import type { Snapshot } from "@titan/bitcask";

export interface ShardDigest {
  /** In hex digits. */
  readonly sha256: string;
  readonly records: number;
  readonly bytes: number;
}

const HEADER_BYTES = 8;
/** Bytes that are hashed at once; then others have their turn. */
const SLICE_BYTES = 256 * 1024;

/**
 * Reads a view to its end, in slices.
 * @param pause between two slices; rejects to give up
 */
export async function digestOf(view: Snapshot, pause: () => Promise<void>): Promise<ShardDigest> {
  const hash = createHash("sha256");
  let records = 0;
  let bytes = 0;
  let slice: Uint8Array[] = [];
  let sliceBytes = 0;
  for (const { key, value } of view.entriesSync()) {
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    header.writeUInt32LE(key.length, 0);
    header.writeUInt32LE(value.length, 4);
    slice.push(header, key, value);
    sliceBytes += HEADER_BYTES + key.length + value.length;
    records += 1;
    if (sliceBytes < SLICE_BYTES) continue;
    hash.update(Buffer.concat(slice, sliceBytes));
    bytes += sliceBytes;
    slice = [];
    sliceBytes = 0;
    await pause();
  }
  hash.update(Buffer.concat(slice, sliceBytes));
  bytes += sliceBytes;
  return { sha256: hash.digest("hex"), records, bytes };
}
