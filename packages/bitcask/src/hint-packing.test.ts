import { expect, test } from "vitest";
import { type HintEntry, hintEntryBytes, writeHintEntry } from "./hint-format.js";
import { BLOCK_HEADER_BYTES, EntryPacker, packedBytes, unpackBlock } from "./hint-packing.js";
import { CONTROL, HAS_EXPIRY, TOMBSTONE } from "./record-format.js";
import { SeededRandom } from "./testing/index.js";

type Fields = Pick<HintEntry, "sequence" | "flags" | "valueSize" | "position" | "expiresAt">;

function entriesOf(list: readonly (readonly [Fields, Uint8Array])[]): Buffer {
  const bytes = list.reduce((sum, [{ flags }, key]) => sum + hintEntryBytes(key.length, flags), 0);
  const entries = Buffer.alloc(bytes);
  let at = 0;
  for (const [fields, key] of list) at = writeHintEntry(entries, at, fields, key);
  return entries;
}

function unpacked(block: Buffer): Buffer | undefined {
  const head = block.subarray(0, BLOCK_HEADER_BYTES);
  const body = block.subarray(BLOCK_HEADER_BYTES);
  return packedBytes(head) === body.length ? unpackBlock(head, body) : undefined;
}

/** As a merge leaves them: one record behind the other. */
function ordinary(count: number, keyOf: (index: number) => string): Buffer {
  const fields = { flags: 0, valueSize: 100, expiresAt: 0 };
  return entriesOf(
    Array.from({ length: count }, (_, index) => {
      const key = Buffer.from(keyOf(index));
      const position = 64 + index * (24 + key.length + 100);
      return [{ ...fields, sequence: 5_000_000 + index, position }, key] as const;
    }),
  );
}

test("extremes of every field come back as they were", () => {
  const far = { sequence: 2 ** 53 - 1, position: 2 ** 48 - 1, expiresAt: 2 ** 53 - 1 };
  const near = { sequence: 1, position: 0, expiresAt: 0 };
  const flags = [0, TOMBSTONE, HAS_EXPIRY, CONTROL | HAS_EXPIRY];
  const keys = [Buffer.alloc(0), Buffer.from("k"), Buffer.alloc(65_536, 7)];
  const list = [far, near, far, near].flatMap((place, index) =>
    keys.map((key): readonly [Fields, Uint8Array] => {
      const valueSize = index % 2 === 0 ? 2 ** 32 - 1 : 0;
      return [{ ...place, flags: flags[index] as number, valueSize }, key];
    }),
  );
  const entries = entriesOf(list);
  expect(unpacked(new EntryPacker().pack(entries))?.equals(entries)).toBe(true);
});

test("random entries come back as they were, from every block of a file", () => {
  const random = new SeededRandom(5);
  const packer = new EntryPacker();
  for (let block = 0; block < 20; block += 1) {
    const list = Array.from({ length: random.nextInt(300) }, (): readonly [Fields, Uint8Array] => {
      const flags = [0, 0, TOMBSTONE, HAS_EXPIRY][random.nextInt(4)] as number;
      const bits = random.nextInt(48);
      const fields = {
        flags,
        valueSize: random.nextInt(2 ** (1 + (bits % 31))),
        sequence: random.nextInt(2 ** (1 + (bits % 31))) * 2 ** (bits % 20),
        position: random.nextInt(2 ** 31) * 2 ** (bits % 16),
        expiresAt: flags & HAS_EXPIRY ? random.nextInt(2 ** 31) * 2 ** (bits % 20) : 0,
      };
      const key = Uint8Array.from({ length: random.nextInt(90) }, () => random.nextInt(256));
      return [fields, key];
    });
    const entries = entriesOf(list);
    expect(unpacked(packer.pack(entries))?.equals(entries)).toBe(true);
  }
});

test("an entry of an ordinary merge takes little more than its key says", () => {
  const random = new SeededRandom(6);
  const hex = (): string =>
    Array.from({ length: 16 }, () => random.nextInt(16).toString(16)).join("");
  const perKey = (entries: Buffer, count: number) => new EntryPacker().pack(entries).length / count;
  // 64 bits of chance are 8 bytes.
  expect(perKey(ordinary(6000, hex), 6000)).toBeLessThan(8.4);
  expect(
    perKey(
      ordinary(6000, (index) => `user:${1_000_000 + index * 7}`),
      6000,
    ),
  ).toBeLessThan(4);
});

test("whatever is changed in a block, unpacking it ends, and throws nothing", () => {
  const random = new SeededRandom(7);
  const block = new EntryPacker().pack(ordinary(60, (index) => `key ${index * 31}`));
  let refused = 0;
  for (let offset = 0; offset < block.length; offset += 1) {
    for (let bit = 0; bit < 8; bit += 1) {
      const damaged = Buffer.from(block);
      damaged[offset] = (damaged[offset] as number) ^ (1 << bit);
      if (unpacked(damaged) === undefined) refused += 1;
    }
    const noise = Buffer.from(block.subarray(0, BLOCK_HEADER_BYTES + random.nextInt(40)));
    for (let at = 0; at < noise.length; at += 1) noise[at] = random.nextInt(256);
    expect(unpacked(noise)).toBeUndefined();
  }
  expect(refused).toBeGreaterThan(block.length);
});
