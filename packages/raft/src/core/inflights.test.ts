import { describe, expect, test } from "vitest";
import { toLogIndex } from "./ids.js";
import { Inflights } from "./inflights.js";

function filled(
  indexes: readonly number[],
  max = 10,
  maxBytes = Number.POSITIVE_INFINITY,
): Inflights {
  const window = new Inflights(max, maxBytes);
  for (const index of indexes) window.add(toLogIndex(index), 100);
  return window;
}

describe("the window of inflight messages", () => {
  test("is full at its number of messages, and refuses one more", () => {
    const window = filled([1, 2, 3], 3);
    expect(window.isFull).toBe(true);
    expect(() => window.add(toLogIndex(4), 0)).toThrow(
      expect.objectContaining({ code: "RAFT_INVARIANT" }),
    );
  });

  test("is full at its bytes, which the last message may go over", () => {
    const window = filled([1, 2], 10, 250);
    expect(window.isFull).toBe(false);
    window.add(toLogIndex(3), 900);
    expect(window).toMatchObject({ isFull: true, bytes: 1100, count: 3 });
  });

  test.each([
    { through: 0, left: 5, bytes: 500 },
    { through: 2, left: 3, bytes: 300 },
    { through: 4, left: 2, bytes: 200 },
    { through: 99, left: 0, bytes: 0 },
  ])("frees all messages through $through", ({ through, left, bytes }) => {
    const window = filled([1, 2, 4, 6, 8]);
    window.freeThrough(toLogIndex(through));
    expect(window).toMatchObject({ count: left, bytes });
  });

  test("goes round without losing its order, growing as it must", () => {
    const window = new Inflights(20, Number.POSITIVE_INFINITY);
    let freed = 0;
    for (let index = 1; index <= 200; index += 1) {
      window.add(toLogIndex(index), 1);
      if (window.count === 15) {
        freed += 7;
        window.freeThrough(toLogIndex(freed));
      }
      expect(window.count).toBe(index - freed);
    }
  });

  test("is empty after clearing", () => {
    const window = filled([1, 2, 3], 3);
    window.clear();
    expect(window).toMatchObject({ count: 0, bytes: 0, isFull: false });
  });
});
