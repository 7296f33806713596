import { expect, test } from "vitest";
import { REVISION_BLOCK, RevisionSource } from "./revision.js";

/** A source whose stored bound outlives it, as on a disk. */
async function openOn(disk: { bound: number }): Promise<RevisionSource> {
  return RevisionSource.open(disk.bound, async (bound) => {
    await Promise.resolve();
    disk.bound = bound;
  });
}

test("a clean close leaves no gap", async () => {
  const disk = { bound: 1 };
  const first = await openOn(disk);
  expect([first.take(), first.take()]).toEqual([1, 2]);
  await first.close();
  const second = await openOn(disk);
  expect(second.last).toBe(2);
  expect(second.take()).toBe(3);
});

test("after a crash no revision comes twice", async () => {
  const disk = { bound: 1 };
  const first = await openOn(disk);
  const last = first.take();
  const second = await openOn(disk);
  expect(second.take()).toBeGreaterThan(last);
});

test("the stored bound is ahead of every revision at every moment, and the next block comes early", async () => {
  const disk = { bound: 1 };
  const source = await openOn(disk);
  for (let i = 0; i < REVISION_BLOCK * 2.5; i += 1) {
    if (source.isExhausted) throw new Error(`exhausted after ${i}`);
    if (source.take() >= disk.bound) throw new Error("ahead of its bound");
    if (i % 100_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
});

test("a failed reservation reaches whoever needs the block, and can be repeated", async () => {
  let fails = false;
  const source = await RevisionSource.open(1, () =>
    fails ? Promise.reject(new Error("disk")) : Promise.resolve(),
  );
  fails = true;
  while (!source.isExhausted) source.take();
  expect(() => source.take()).toThrow("exhausted");
  await expect(source.reserve()).rejects.toThrow("disk");
  fails = false;
  await source.reserve();
  expect(source.take()).toBe(REVISION_BLOCK + 1);
});
