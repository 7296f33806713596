/**
 * Writes a golden store of the current format, once per format version; never over an existing one:
 * `vitest run test/golden` with `TITAN_MAKE_GOLDEN=<directory>` and `TITAN_GOLDEN=<name>`.
 */
import { Bitcask, type BitcaskOptions, brotliCodec, deflateCodec } from "../../src/index.js";
import { ManualClock, SeededRandom } from "../../src/testing/index.js";

/** 2100-01-01, so that the key which carries it is there for as long as anybody cares. */
export const FAR_FUTURE_MS = Date.UTC(2100, 0, 1);

export const TEXT = "how much wood would a woodchuck chuck ".repeat(10);

const ENCRYPTION = { keyId: 7, key: Buffer.alloc(32, "golden key") };

/** Folders of golden stores, by the version of their formats (hints: of the same, unless said). */
export const GOLDEN_STORES: Readonly<Record<string, BitcaskOptions>> = {
  v1: {},
  "v1-encrypted": { encryption: ENCRYPTION },
  "v1-compressed": {},
  "v1-compressed-encrypted": { encryption: ENCRYPTION },
  "v1-hints-v2": {},
  "v1-hints-v2-encrypted": { encryption: ENCRYPTION },
};

/** A store with every kind of record: hints, a merged file, a batch, a tombstone, expiries, a floor. */
export async function makeGolden(name: string, directory: string): Promise<void> {
  const clock = new ManualClock();
  const ports = { clock, random: new SeededRandom(42) };
  const common = { ...GOLDEN_STORES[name], dataFileMaxBytes: 600, autoMerge: false, ports };
  const isCompressed = name.includes("compressed");
  const first = isCompressed ? { compression: { codec: deflateCodec(), minBytes: 100 } } : {};
  let db = await Bitcask.open(directory, { ...common, ...first });
  for (let index = 0; index < 20; index++) await db.put(`key-${index % 10}`, `value ${index}`);
  if (isCompressed) {
    await db.put("deflate", TEXT);
    await db.close();
    const second = { codec: brotliCodec(), minBytes: 100 };
    db = await Bitcask.open(directory, { ...common, compression: second });
    await db.put("brotli", TEXT);
  }
  await db.delete("key-3");
  await db.merge();
  await db.put("short-lived", "gone", { ttlMs: 1000 });
  clock.advance(2000);
  db.has("short-lived");
  await db.put("long-lived", "here", { expiresAtMs: FAR_FUTURE_MS });
  await db.put("empty", "");
  await db.put(Uint8Array.of(0, 255, 10), Uint8Array.of(1, 2, 3));
  await db.batch([
    { type: "put", key: "batch-1", value: "one" },
    { type: "delete", key: "key-4" },
    { type: "put", key: "batch-2", value: "two", expiresAtMs: FAR_FUTURE_MS },
  ]);
  await db.close();
}
