/** Workloads that take a small store through everything that changes its files. */
import type { BatchOperation, Random, SyncMode } from "../../src/index.js";
import type { Write } from "./history.js";

/** One step; the next begins when all of it has been answered. */
export type Step =
  | { readonly type: "write"; readonly writes: readonly Write[]; readonly sync: SyncMode }
  | { readonly type: "merge"; readonly writes: readonly Write[]; readonly sync: SyncMode }
  | { readonly type: "sync" }
  | { readonly type: "reopen" }
  | { readonly type: "advance"; readonly milliseconds: number };

export const KEYS = ["a", "b", "c", "d", "e", "f", "long-key-".repeat(8)] as const;

/** Makes values that are all different, so that none can be taken for another. */
class Writer {
  private count = 0;

  put(key: string, length: number): Write {
    return { operations: [this.putOperation(key, length)], isBatch: false };
  }

  delete(key: string): Write {
    return { operations: [{ type: "delete", key }], isBatch: false };
  }

  batch(...operations: BatchOperation[]): Write {
    return { operations, isBatch: true };
  }

  putOperation(key: string, length: number): BatchOperation {
    this.count += 1;
    const value = length === 0 ? "" : `v${this.count}`.padEnd(length, ".");
    return { type: "put", key, value };
  }
}

/**
 * Each feature at least once, in an order chosen to have them meet: overwrites and deletes whose older
 * records lie in other files, batches that fill a file, values across sectors, merges with writes
 * under way, reopens with and without unsynced writes.
 */
export function fixedWorkload(): readonly Step[] {
  const w = new Writer();
  const write = (sync: SyncMode, ...writes: Write[]): Step => ({ type: "write", writes, sync });
  const pair = w.batch(w.putOperation("a", 30), w.putOperation("d", 0));
  const swap = w.batch({ type: "delete", key: "a" }, w.putOperation("e", 90));
  return [
    write("always", w.put("a", 20), w.put("b", 40)),
    write("always", pair),
    write("always", w.delete("b")),
    write("never", w.put("c", 200), w.put("a", 10)),
    { type: "sync" },
    write("always", w.put("long-key-".repeat(8), 700)),
    write("never", w.put("b", 300), w.delete("c"), w.put("c", 5), w.delete("d")),
    { type: "reopen" },
    write("always", swap, w.put("f", 33), w.put("f", 34)),
    { type: "merge", writes: [], sync: "always" },
    write("interval", w.put("a", 12), w.delete("e")),
    { type: "advance", milliseconds: 10_000 },
    write("always", w.batch(...["a", "b", "c", "d"].map((key) => w.putOperation(key, 120)))),
    { type: "merge", writes: [w.put("e", 60), w.delete("b"), w.put("a", 500)], sync: "always" },
    write("never", w.delete("f"), w.put("b", 64)),
    { type: "reopen" },
    write("always", w.delete("a"), w.delete("long-key-".repeat(8))),
    { type: "merge", writes: [w.put("d", 1)], sync: "never" },
    { type: "sync" },
  ];
}

/**
 * Merges in the background, which see an active file that was not synced for them. Fits
 * {@link TINY_FILES} with `autoMerge`. Two traps:
 * - A tombstone's file is merged while the value that it covers stays in an older file, which is not
 *   dead enough: the tombstone has to outlive the merge.
 * - A durable value is dead to a merge because an unsynced write replaced it: the merge may drop it
 *   only once that write is durable.
 */
export function backgroundMergeWorkload(): readonly Step[] {
  const w = new Writer();
  const write = (...writes: Write[]): Step => ({ type: "write", writes, sync: "always" });
  const later: Step = { type: "advance", milliseconds: 1 };
  return [
    write(w.put("a", 20)),
    write(w.put("b", 150)),
    write(w.put("c", 150)),
    write(w.put("d", 90)),
    write(w.delete("a")),
    write(w.put("d", 91)),
    write(w.put("d", 92)),
    write(w.put("d", 93)),
    later,
    { type: "merge", writes: [], sync: "always" },
    { type: "reopen" },
    write(w.put("b", 400)),
    write(w.put("f", 30)),
    write(w.put("d", 100)),
    write(w.put("d", 101)),
    write(w.put("d", 102)),
    { type: "write", writes: [w.put("d", 103), w.put("f", 31)], sync: "never" },
    later,
    { type: "sync" },
    { type: "reopen" },
  ];
}

/** As many random steps as asked for. */
export function randomWorkload(random: Random, stepCount: number): readonly Step[] {
  const w = new Writer();
  const pick = <T>(items: readonly T[]): T => {
    const item = items[random.nextInt(items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  };
  const length = (): number => pick([0, 1, 9, 40, 90, 150, 400, 700]);
  const operation = (): BatchOperation => {
    const key = pick(KEYS);
    return random.nextInt(3) === 0 ? { type: "delete", key } : w.putOperation(key, length());
  };
  const write = (): Write => {
    const isBatch = random.nextInt(3) === 0;
    const count = isBatch ? 1 + random.nextInt(4) : 1;
    return { operations: Array.from({ length: count }, operation), isBatch };
  };
  const writes = (most: number): Write[] => Array.from({ length: 1 + random.nextInt(most) }, write);
  const sync = (): SyncMode => pick(["always", "always", "interval", "never"] as const);
  return Array.from({ length: stepCount }, (): Step => {
    const dice = random.nextInt(12);
    if (dice < 7) return { type: "write", writes: writes(4), sync: sync() };
    if (dice === 7) return { type: "merge", writes: [], sync: "always" };
    if (dice === 8) return { type: "merge", writes: writes(3), sync: sync() };
    if (dice === 9) return { type: "reopen" };
    return dice === 10
      ? { type: "sync" }
      : { type: "advance", milliseconds: 1 + random.nextInt(500) };
  });
}
