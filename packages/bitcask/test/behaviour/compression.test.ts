import { describe, expect, test } from "vitest";
import {
  type BitcaskOptions,
  brotliCodec,
  type Codec,
  deflateCodec,
  verify,
} from "../../src/index.js";
import { Bench, DIRECTORY, text } from "./bench-store.js";

const TEXT = "all work and no play makes jack a dull boy. ".repeat(50);
const DEFLATE: BitcaskOptions = { compression: { codec: deflateCodec() } };

/** Says how often a letter comes. */
const runs: Codec = {
  id: 77,
  name: "runs",
  compress: (value) => Uint8Array.of(value[0] ?? 0),
  decompress: (compressed, size) => new Uint8Array(size).fill(compressed[0] ?? 0),
};

/** Bytes that do not compress. */
function noise(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = 12345;
  for (let index = 0; index < size; index += 1) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[index] = state >>> 16;
  }
  return bytes;
}

describe("a store that compresses", () => {
  test.each([
    ["deflate", deflateCodec()],
    ["brotli", brotliCodec()],
  ])("%s: stores less and gives back the same", async (_, codec) => {
    const bench = new Bench();
    const db = await bench.open({ compression: { codec }, valueCacheBytes: 1_000_000 });
    await db.put("text", TEXT);
    expect(db.stats().liveBytes).toBeLessThan(TEXT.length / 4);
    expect(text(db.getSync("text"))).toBe(TEXT);
    expect(text(db.getSync("text"))).toBe(TEXT);
    expect(db.stats().cache.hits).toBe(1);
    await db.close();
    // Whoever reads need not know what was compressed with.
    const again = await bench.open();
    expect(text(await again.get("text"))).toBe(TEXT);
    for await (const { value } of again.entries()) expect(text(value)).toBe(TEXT);
    await again.merge();
    expect(text(again.getSync("text"))).toBe(TEXT);
    await again.close();
  });

  test("leaves alone what is small and what does not get small enough", async () => {
    const bench = new Bench();
    const db = await bench.open(DEFLATE);
    const small = "a".repeat(255);
    await db.put("k", small);
    expect(db.stats().liveBytes).toBe(24 + 1 + 255);
    await db.put("k", noise(1000));
    expect(db.stats().liveBytes).toBe(24 + 1 + 1000);
    expect(Buffer.from(db.getSync("k") ?? [])).toEqual(noise(1000));
    await db.put("k", "");
    expect(text(db.getSync("k"))).toBe("");
    await db.close();
    const eager = await bench.open({
      compression: { codec: deflateCodec(), minBytes: 20, minGain: 0.5 },
    });
    await eager.put("k", small);
    expect(eager.stats().liveBytes).toBeLessThan(60);
    expect(text(eager.getSync("k"))).toBe(small);
    await eager.close();
  });

  test("compresses before it encrypts, and merges without the codec", async () => {
    const bench = new Bench();
    const encryption = { keyId: 9, key: Buffer.alloc(32, 9) };
    const db = await bench.open({ compression: { codec: runs }, encryption });
    await db.put("a", "a".repeat(5000));
    await db.put("b", "b");
    expect(db.stats().liveBytes).toBe(2 * (24 + 28 + 1) + 6 + 1);
    await db.put("b", "c");
    await db.close();
    const stranger = await bench.open({ encryption });
    await stranger.merge();
    expect(text(stranger.getSync("b"))).toBe("c");
    expect(() => stranger.getSync("a")).toThrow(
      expect.objectContaining({ code: "BITCASK_UNKNOWN_CODEC" }),
    );
    await expect(stranger.get("a")).rejects.toMatchObject({ code: "BITCASK_UNKNOWN_CODEC" });
    await stranger.close();
    const again = await bench.open({ encryption, codecs: [runs] });
    expect(text(again.getSync("a"))).toBe("a".repeat(5000));
    await again.close();
    const ports = { fileSystem: bench.fileSystem };
    expect(await verify(DIRECTORY, { encryption, ports })).toMatchObject({ ok: true });
  });

  test("gives no bomb more room than the value that was stored", async () => {
    const bench = new Bench();
    const bomb: Codec = {
      ...deflateCodec(9),
      compress: () => deflateCodec(9).compress(Buffer.alloc(50_000_000)),
    };
    const db = await bench.open({ compression: { codec: bomb, minGain: 0.01 } });
    await db.put("bomb", Buffer.alloc(100_000));
    const before = process.memoryUsage().arrayBuffers;
    expect(() => db.getSync("bomb")).toThrow(
      expect.objectContaining({ code: "BITCASK_CORRUPT", offset: 64 }),
    );
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
    await db.close();
  });

  test("refuses options that make no sense", async () => {
    const bench = new Bench();
    const open = (options: unknown) => bench.open(options as BitcaskOptions);
    const codec = deflateCodec();
    await expect(open({ compression: { codec: "deflate" } })).rejects.toThrow(TypeError);
    await expect(open({ compression: { codec: { ...codec, id: 0 } } })).rejects.toThrow(RangeError);
    await expect(open({ compression: { codec, minBytes: 0 } })).rejects.toThrow(RangeError);
    await expect(open({ compression: { codec, minGain: 1 } })).rejects.toThrow(RangeError);
    await expect(open({ codecs: codec })).rejects.toThrow(TypeError);
    await expect(open({ codecs: [null] })).rejects.toThrow(TypeError);
    expect(() => deflateCodec(10)).toThrow(RangeError);
    expect(() => brotliCodec(-1)).toThrow(RangeError);
  });
});
