import { ManualClock, SeededRandom } from "@titan/bitcask/testing";
import { expect, test } from "vitest";
import { toNodeId } from "../../src/core/index.js";
import { LossyTransport, MemoryNetwork, type NetworkFaults } from "../../src/transport/index.js";
import { testSeed } from "../support/seeded-random.js";

const A = toNodeId(1);
const B = toNodeId(2);

async function openPair(seed: number, faults: NetworkFaults) {
  const clock = new ManualClock();
  const network = new MemoryNetwork({ clock, latencyMs: 1 });
  const random = new SeededRandom(seed);
  const a = new LossyTransport({ inner: network.transport(A), clock, random }, faults);
  const b = network.transport(B);
  const atA: number[] = [];
  const atB: number[] = [];
  const into = (list: number[]) => ({
    onFrame: (_from: number, frame: Uint8Array) => list.push(Buffer.from(frame).readUInt16LE(0)),
    onPeerState: () => undefined,
    onStream: async () => undefined,
  });
  await a.start(into(atA));
  await b.start(into(atB));
  a.setPeer(B, "");
  b.setPeer(A, "");
  clock.advance(5);
  const send = (number: number): boolean => {
    const frame = new Uint8Array(2);
    Buffer.from(frame.buffer).writeUInt16LE(number, 0);
    return a.send(B, frame);
  };
  return { a, b, atA, atB, clock, send };
}

test("frames are lost, repeated and overtaken in about the shares asked for", async () => {
  const seed = testSeed();
  const { atB, clock, send } = await openPair(seed, { loss: 0.2, repeat: 0.1, maxDelayMs: 20 });
  for (let number = 0; number < 5000; number += 1) {
    expect(send(number)).toBe(true);
    clock.advance(1);
  }
  clock.advance(100);
  const distinct = new Set(atB).size;
  expect(distinct, `TITAN_SEED=${seed}`).toBeGreaterThan(3700);
  expect(distinct).toBeLessThan(4300);
  expect(atB.length - distinct).toBeGreaterThan(200);
  expect(atB.length - distinct).toBeLessThan(700);
  expect(atB.some((number, at) => number < (atB[at - 1] ?? 0))).toBe(true);
});

test("one seed gives one run", async () => {
  const run = async (seed: number): Promise<number[]> => {
    const { atB, clock, send } = await openPair(seed, { loss: 0.3, repeat: 0.3, maxDelayMs: 9 });
    for (let number = 0; number < 300; number += 1) send(number);
    clock.advance(50);
    return atB;
  };
  expect(await run(5)).toEqual(await run(5));
  expect(await run(5)).not.toEqual(await run(6));
});

test("a cut is one-way, silent, and takes what is delayed; healing ends it", async () => {
  const { a, b, atA, atB, clock, send } = await openPair(1, { maxDelayMs: 10 });
  a.cut(B);
  expect(send(1)).toBe(true);
  expect(b.send(A, new Uint8Array([7, 0]))).toBe(true);
  clock.advance(50);
  expect([atA, atB]).toEqual([[7], []]);
  await expect(a.openStream(B, new Uint8Array(1))).rejects.toMatchObject({
    code: "RAFT_TRANSPORT_UNREACHABLE",
  });
  a.heal(B);
  expect(send(2)).toBe(true);
  clock.advance(50);
  expect(atB).toEqual([2]);
});

test("shares and delays out of range are refused", async () => {
  const { a } = await openPair(1, {});
  expect(() => a.setFaults({ loss: 1.5 })).toThrow(RangeError);
  expect(() => a.setFaults({ maxDelayMs: -1 })).toThrow(RangeError);
});
