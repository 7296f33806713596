/**
 * A bit is turned over at every byte of every file of a store; no wrong value may come of it. Without
 * `TITAN_THOROUGH=1` (`test:exhaustive`), the bytes are gone over in steps. Images of the index are large, and
 * mostly empty: they always are, with every byte at either end.
 */
import { describe, expect, test } from "vitest";
import { IMAGE_NAME } from "../../src/index-image.js";
import { MemoryFileSystem } from "../../src/testing/index.js";
import { FORM_NAMES } from "../crash/forms.js";
import { DIRECTORY, Machine } from "../crash/machine.js";
import { closedStore, type Outcome, outcomeOf, smallFiles } from "./closed-store.js";

const IS_THOROUGH = process.env["TITAN_THOROUGH"] === "1";
/** Bytes of an image between two flips. A prime, so that all parts of its entries get one. */
const IMAGE_STEP = IS_THOROUGH ? 61 : 4999;
/** Its header, its first entries; its contents. */
const IMAGE_END_BYTES = 96;

function* offsets(size: number, step: number, from = 0): Generator<number> {
  for (let offset = from; offset < size; offset += step) yield offset;
}

function* imageOffsets(size: number): Generator<number> {
  yield* offsets(IMAGE_END_BYTES, 1);
  yield* offsets(size - IMAGE_END_BYTES, IMAGE_STEP, IMAGE_END_BYTES);
  yield* offsets(size, 1, size - IMAGE_END_BYTES);
}

describe("a bit that rots at rest", () => {
  test.each(FORM_NAMES)(
    "is found or harmless in a store that is %s; no wrong value is served",
    async (form) => {
      const options = smallFiles(form);
      const { disk, state } = await closedStore(options);
      const step = IS_THOROUGH ? 1 : form === "plain" ? 7 : 47;
      const paths = disk.paths();
      expect(paths.filter((path) => path.endsWith(".data")).length).toBeGreaterThan(2);
      expect(paths.filter((path) => path.endsWith(".hint")).length).toBeGreaterThan(0);
      const counts = new Map<string, number>();
      for (const path of paths) {
        const { size } = disk.file(path);
        for (const offset of path.endsWith(IMAGE_NAME) ? imageOffsets(size) : offsets(size, step)) {
          const damaged = disk.clone();
          new MemoryFileSystem({}, damaged).flipBit(path, offset, (offset * 5 + 3) % 8);
          let outcome: Outcome;
          try {
            outcome = await outcomeOf(damaged, state, options);
          } catch (error) {
            throw new Error(`${path} at ${offset}: ${String(error)}`, { cause: error });
          }
          const kind = `${path.replace(/^.*[.]|^.*[/]/, "")}: ${outcome}`;
          counts.set(kind, (counts.get(kind) ?? 0) + 1);
        }
      }
      const figures = [...counts].map(([kind, count]) => `${kind} ${count}`).sort();
      process.stdout.write(`bit flips, ${form}: ${figures.join(", ")}\n`);
      // Damage to a hint or an image is always harmless: the data files have it all.
      const outcomesOf = (name: string) =>
        [...counts.keys()].filter((kind) => kind.startsWith(`${name}: `));
      expect(outcomesOf("hint")).toEqual(["hint: harmless"]);
      expect(outcomesOf("image")).toEqual(["image: harmless"]);
    },
    300_000,
  );

  test("in the lock of a process that lives lets no second one in", async () => {
    const machine = new Machine();
    const db = await machine.open();
    const path = `${DIRECTORY}/lock`;
    const { size } = machine.fileSystem.snapshot().file(path);
    for (let bit = 0; bit < size * 8; bit += 1) {
      machine.fileSystem.flipBit(path, bit >> 3, bit & 7);
      const refused = await machine.open().catch((error: unknown) => error);
      expect(refused, `bit ${bit}`).toMatchObject({ code: "BITCASK_LOCKED" });
      machine.fileSystem.flipBit(path, bit >> 3, bit & 7);
    }
    await db.close();
  });
});
