import { expect, test } from "vitest";
import { BatchAssembler } from "./batch-assembler.js";
import { BATCH_END, BATCH_PART } from "./record-format.js";

function assembled(records: readonly (readonly [number, number])[]) {
  const delivered: number[] = [];
  const batches = new BatchAssembler<{ flags: number; sequence: number }>((record) => {
    delivered.push(record.sequence);
  });
  records.forEach(([flags, sequence], index) => {
    batches.add({ flags, sequence }, Buffer.from("k"), index * 100);
  });
  return { delivered, fault: batches.fault, openSince: batches.openSince };
}

test("a batch is delivered with its end, in order", () => {
  const all = assembled([
    [0, 1],
    [BATCH_PART, 2],
    [BATCH_PART, 3],
    [BATCH_END, 4],
    [0, 9],
  ]);
  expect(all).toEqual({ delivered: [1, 2, 3, 4, 9], fault: undefined, openSince: undefined });
});

test("a batch without its end is not delivered, and says where it began", () => {
  const open = assembled([
    [0, 1],
    [BATCH_PART, 2],
    [BATCH_PART, 3],
  ]);
  expect(open).toEqual({ delivered: [1], fault: undefined, openSince: 100 });
});

test("an interrupted batch, a gap in it, and an end without a beginning are faults", () => {
  expect(
    assembled([
      [BATCH_PART, 1],
      [0, 2],
    ]).fault,
  ).toMatch(/interrupted/);
  expect(
    assembled([
      [BATCH_PART, 1],
      [BATCH_END, 3],
    ]).fault,
  ).toMatch(/interrupted/);
  expect(
    assembled([
      [BATCH_END, 1],
      [0, 2],
    ]),
  ).toMatchObject({ delivered: [], fault: expect.stringMatching(/never/) });
});
