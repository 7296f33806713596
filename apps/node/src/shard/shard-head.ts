/**
 * Where a shard's state stands. Written in the same atomic batch as the effects that it speaks of.
 *
 *     byte 0   version, 1
 *     then     index of the last command, the shard's clock (ms), keys that have an expiry: varints
 */
import { ByteReader } from "../wire/byte-reader.js";
import { ByteWriter } from "../wire/byte-writer.js";

export interface ShardHead {
  /** Of the last command that the state holds; 0 for none. */
  readonly index: number;
  /** The latest time that any command carried. */
  readonly nowMs: number;
  /** Keys that have an expiry: records of the expiry index. */
  readonly expiring: number;
}

export const EMPTY_HEAD: ShardHead = { index: 0, nowMs: 0, expiring: 0 };
const VERSION = 1;

export function encodeHead(head: ShardHead): Uint8Array {
  const writer = new ByteWriter(32);
  writer.u8(VERSION);
  writer.varint(head.index);
  writer.varint(head.nowMs);
  writer.varint(head.expiring);
  return writer.finish();
}

/** @throws MalformedBytes; Error for a version of a later release */
export function decodeHead(bytes: Uint8Array): ShardHead {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== VERSION) throw new Error(`the shard's head has unknown version ${version}`);
  const head = { index: reader.varint(), nowMs: reader.varint(), expiring: reader.varint() };
  reader.expectEnd();
  return head;
}
