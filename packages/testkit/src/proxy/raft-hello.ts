/** Reads who dials whom from the first bytes of a connection between Titan's nodes: see docs/formats/raft-transport.md. */

const MAGIC = "TRFT";
const FROM_AT = 8;
const TO_AT = 16;
const HEAD_BYTES = 24;

export interface RaftHello {
  readonly from: number;
  readonly to: number;
}

/** Undefined when it takes more bytes, `"other"` when it is something else. */
export function readRaftHello(bytes: Buffer): RaftHello | "other" | undefined {
  const seen = Math.min(bytes.length, MAGIC.length);
  if (bytes.toString("latin1", 0, seen) !== MAGIC.slice(0, seen)) return "other";
  if (bytes.length < HEAD_BYTES) return undefined;
  return {
    from: Number(bytes.readBigUInt64LE(FROM_AT)),
    to: Number(bytes.readBigUInt64LE(TO_AT)),
  };
}
