/**
 * What a lookup costs, in time and in bytes allocated, beside xxhash-wasm. Fixed keys; medians of 9 rounds.
 * `pnpm --filter @titan/ring bench`
 */
import { performance } from "node:perf_hooks";
import xxhash from "xxhash-wasm";
import { placeShards, Ring, TokenRanges, tokenOf } from "../src/index.js";

const KEYS = 100_000;
const ROUNDS = 9;

const keys = Array.from({ length: KEYS }, (_, at) => `user:${String(at * 7919).padStart(11, "0")}`);
const bytes = keys.map((key) => new TextEncoder().encode(key));
const ring = new Ring(Array.from({ length: 10 }, (_, at) => ({ id: `node-${at}` })));
const ranges = TokenRanges.even(64);
const reference = await xxhash();

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** @param look is given the number of a key */
function measure(title: string, look: (at: number) => unknown): void {
  const nanoseconds: number[] = [];
  const allocated: number[] = [];
  let sink = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.memoryUsage().heapUsed;
    const start = performance.now();
    for (let at = 0; at < KEYS; at += 1) if (look(at) === undefined) sink += 1;
    nanoseconds.push(((performance.now() - start) * 1e6) / KEYS);
    allocated.push((process.memoryUsage().heapUsed - before) / KEYS);
  }
  const figures = `${median(nanoseconds).toFixed(0)} ns, ${median(allocated).toFixed(1)} B on the heap`;
  console.log(`${title}: ${figures}${sink > 0 ? " (undefined!)" : ""}`);
}

console.log("10 nodes of 150 virtual nodes, 16-byte keys");
measure("ownerOf(string)", (at) => ring.ownerOf(keys[at] as string));
measure("ownerOf(bytes)", (at) => ring.ownerOf(bytes[at] as Uint8Array));
measure("rangeOf(string), 64 ranges", (at) => ranges.rangeOf(keys[at] as string));
measure("preferenceList(string, 3)", (at) => ring.preferenceList(keys[at] as string, 3));
measure("tokenOf(string)", (at) => tokenOf(keys[at] as string));
measure("xxhash-wasm h64(string)", (at) => reference.h64(keys[at] as string));
measure("xxhash-wasm h64Raw(bytes)", (at) => reference.h64Raw(bytes[at] as Uint8Array));

const start = performance.now();
const placement = placeShards(ring, { shards: 1024, replicas: 3 });
console.log(`placeShards, 1,024 × 3 on 10: ${(performance.now() - start).toFixed(0)} ms`);
const again = performance.now();
const grown = ring.withNode({ id: "node-10" });
console.log(`withNode: ${(performance.now() - again).toFixed(1)} ms`);
const moved = performance.now();
placeShards(grown, { shards: 1024, replicas: 3, previous: placement });
console.log(`placeShards after a join: ${(performance.now() - moved).toFixed(0)} ms`);
