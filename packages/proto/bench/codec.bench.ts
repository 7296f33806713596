/**
 * ns to encode and decode a message: ts-proto's codec, protobufjs's static code, and ours. Each codec in
 * turn, round after round, so that whatever slows the machine slows all; medians of the rounds.
 * Encoding starts from what a service hands to nice-grpc, as nice-grpc would: `fromPartial`, then `encode`.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as codec from "../src/gen/titan/v1/codec.js";
import * as tsProto from "../test/gen/titan/v1/kv.js";
import { MESSAGES } from "./messages.js";

interface Codec {
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
  fromPartial(message: object): object;
}
type Codecs = Record<string, Codec>;

const ROUNDS = 15;
const ROUND_NS = 10_000_000;
const pbjsFile = pathToFileURL(join("node_modules", ".cache", "bench", "pbjs.mjs")).href;
const pbjs = ((await import(pbjsFile)) as { titan: { v1: Codecs } }).titan.v1;

console.log(`node ${process.version}; ns, median of ${ROUNDS} rounds`);
for (const [title, [name, message]] of Object.entries(MESSAGES)) {
  const twin = (tsProto as unknown as Codecs)[name] as Codec;
  const static8 = pbjs[name] as Codec;
  const ours = (codec as unknown as Codecs)[name] as Codec;
  // grpc-js hands over a Buffer.
  const bytes = Buffer.from(twin.encode(message).finish());
  const static8Message = static8.decode(bytes);
  console.log(title);
  report("encode", [
    () => twin.encode(twin.fromPartial(message)).finish(),
    () => static8.encode(static8Message).finish(),
    () => ours.encode(message).finish(),
  ]);
  report("decode", [
    () => twin.decode(bytes),
    () => static8.decode(bytes),
    () => ours.decode(bytes),
  ]);
}

function report(what: string, actions: readonly (() => unknown)[]): void {
  const rounds = actions.map((action) => ({
    action,
    count: calibrate(action),
    ns: [] as number[],
  }));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { action, count, ns } of rounds) ns.push(time(action, count));
  }
  const [a, b, c] = rounds.map(({ ns }) => median(ns).toFixed(0));
  console.log(`  ${what}: ts-proto ${a}, protobufjs ${b}, ours ${c}`);
}

/** How often `action` runs in one round; also warms it up. */
function calibrate(action: () => unknown): number {
  time(action, 2000);
  return Math.max(20, Math.floor(ROUND_NS / time(action, 2000)));
}

function time(action: () => unknown, count: number): number {
  const start = process.hrtime.bigint();
  for (let at = 0; at < count; at += 1) action();
  return Number(process.hrtime.bigint() - start) / count;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}
