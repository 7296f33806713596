/**
 * How two ends of a connection come to know each other: the one that dials says hello, the other answers.
 * The first six bytes of both, magic and version, are the same in all versions.
 *
 *     hello    "TRFT", version u16, purpose u8, cluster length u8, from u64, to u64, cluster, CRC-32
 *     welcome  "TRFT", version u16, verdict u8, 0 u8,              from u64, to u64,          CRC-32
 */

import { crc32 } from "node:zlib";
import type { TcpFault } from "./tcp-faults.js";

export const PROTOCOL_VERSION = 1;
/** Bytes that name a cluster, at most. */
export const MAX_CLUSTER_BYTES = 255;

const MAGIC = Buffer.from("TRFT", "latin1");
const FIXED_BYTES = 24;
const CHECKSUM_BYTES = 4;
const WELCOME_BYTES = FIXED_BYTES + CHECKSUM_BYTES;

/** What a connection is for. */
export type Purpose = "frames" | "stream";
const PURPOSES: readonly (Purpose | undefined)[] = [undefined, "frames", "stream"];

/** What the end that was dialled says. All but `"welcome"` end the connection. */
export type Verdict = "welcome" | Extract<TcpFault, (typeof REFUSALS)[number]>;
const REFUSALS = [
  "wrong-version",
  "wrong-cluster",
  "wrong-node",
  "unknown-peer",
  "unauthorized",
  "stream-limit",
] as const;
const VERDICTS: readonly Verdict[] = ["welcome", ...REFUSALS];

export interface Hello {
  readonly version: number;
  readonly purpose: Purpose;
  readonly cluster: Uint8Array;
  /** Who dials. */
  readonly from: number;
  /** Who is meant. */
  readonly to: number;
}

export interface Welcome {
  readonly version: number;
  readonly verdict: Verdict;
  /** Who answers. */
  readonly from: number;
  /** Who dialled; 0 when that could not be read. */
  readonly to: number;
}

/** What was made of the first bytes of a connection; undefined when it takes more of them. */
export type Decoded<Message> =
  | { readonly message: Message; readonly length: number }
  | { readonly fault: TcpFault; readonly version?: number }
  | undefined;

export function encodeHello(hello: Hello): Buffer {
  const { version, purpose, cluster, from, to } = hello;
  const buffer = encodeFixed(FIXED_BYTES + cluster.length + CHECKSUM_BYTES, version, from, to);
  buffer[6] = PURPOSES.indexOf(purpose);
  buffer[7] = cluster.length;
  buffer.set(cluster, FIXED_BYTES);
  return seal(buffer);
}

export function encodeWelcome({ version, verdict, from, to }: Welcome): Buffer {
  const buffer = encodeFixed(WELCOME_BYTES, version, from, to);
  buffer[6] = VERDICTS.indexOf(verdict);
  return seal(buffer);
}

export function decodeHello(bytes: Buffer): Decoded<Hello> {
  const problem = prefixProblem(bytes);
  if (problem !== undefined) return problem;
  if (bytes.length < FIXED_BYTES) return undefined;
  const clusterBytes = bytes.readUInt8(7);
  const length = FIXED_BYTES + clusterBytes + CHECKSUM_BYTES;
  if (bytes.length < length) return undefined;
  const purpose = PURPOSES[bytes.readUInt8(6)];
  const ends = readEnds(bytes, length);
  if (purpose === undefined || ends === undefined) return { fault: "bad-handshake" };
  const cluster = bytes.subarray(FIXED_BYTES, FIXED_BYTES + clusterBytes);
  return { message: { version: PROTOCOL_VERSION, purpose, cluster, ...ends }, length };
}

export function decodeWelcome(bytes: Buffer): Decoded<Welcome> {
  const problem = prefixProblem(bytes);
  if (problem !== undefined) return problem;
  if (bytes.length < WELCOME_BYTES) return undefined;
  const verdict = VERDICTS[bytes.readUInt8(6)];
  const ends = readEnds(bytes, WELCOME_BYTES);
  if (verdict === undefined || ends === undefined) return { fault: "bad-handshake" };
  return { message: { version: PROTOCOL_VERSION, verdict, ...ends }, length: WELCOME_BYTES };
}

/** What is wrong already, so that nobody waits for the rest of another protocol. */
function prefixProblem(bytes: Buffer) {
  const seen = Math.min(bytes.length, MAGIC.length);
  if (MAGIC.compare(bytes, 0, seen, 0, seen) !== 0) return { fault: "bad-magic" } as const;
  if (bytes.length < MAGIC.length + 2) return undefined;
  const version = bytes.readUInt16LE(MAGIC.length);
  return version === PROTOCOL_VERSION ? undefined : ({ fault: "wrong-version", version } as const);
}

function encodeFixed(length: number, version: number, from: number, to: number): Buffer {
  const buffer = Buffer.alloc(length);
  MAGIC.copy(buffer);
  buffer.writeUInt16LE(version, 4);
  buffer.writeBigUInt64LE(BigInt(from), 8);
  buffer.writeBigUInt64LE(BigInt(to), 16);
  return buffer;
}

function seal(buffer: Buffer): Buffer {
  const end = buffer.length - CHECKSUM_BYTES;
  buffer.writeUInt32LE(crc32(buffer.subarray(0, end)), end);
  return buffer;
}

function readEnds(bytes: Buffer, length: number): { from: number; to: number } | undefined {
  const end = length - CHECKSUM_BYTES;
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end)) return undefined;
  const [from, to] = [Number(bytes.readBigUInt64LE(8)), Number(bytes.readBigUInt64LE(16))];
  const isPossible = from > 0 && Number.isSafeInteger(from) && Number.isSafeInteger(to);
  return isPossible ? { from, to } : undefined;
}
