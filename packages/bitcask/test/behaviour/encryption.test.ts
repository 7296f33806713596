import { describe, expect, test } from "vitest";
import { type Bitcask, type BitcaskOptions, repair, restore, verify } from "../../src/index.js";
import { Bench, collect, DIRECTORY, text } from "./bench-store.js";

const KEYS: Readonly<Record<number, Uint8Array>> = {
  1: Buffer.alloc(32, 1),
  2: Buffer.alloc(32, 2),
};
const ONE: BitcaskOptions = { encryption: { keyId: 1, key: KEYS[1] as Uint8Array } };
const NOTE = { autoMerge: false, dataFileMaxBytes: 1024 };

async function fill(db: Bitcask, count = 30): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await db.put(`secret-key-${index}`, `secret value ${index}`);
  }
}

/** Everything in the file. */
function contentsOf(bench: Bench, path: string): Buffer {
  const file = bench.fileSystem.snapshot().file(path);
  const bytes = Buffer.alloc(file.size);
  file.read(bytes, 0);
  return bytes;
}

function bytesOnDisk(bench: Bench): Buffer {
  return Buffer.concat(bench.fileSystem.paths().map((path) => contentsOf(bench, path)));
}

function failure(code: string, keyId?: number) {
  return expect.objectContaining({ code, ...(keyId === undefined ? {} : { keyId }) });
}

describe("an encrypted store", () => {
  test("shows neither keys nor values on disk, in data files and in hints", async () => {
    const bench = new Bench();
    const db = await bench.open({ ...ONE, ...NOTE });
    await fill(db);
    await db.delete("secret-key-3");
    await db.batch([
      { type: "put", key: "secret-a", value: "secret" },
      { type: "put", key: "secret-b", value: "secret", ttlMs: 1e9 },
    ]);
    await db.merge();
    await db.close();
    expect(bench.names().filter((name) => name.endsWith(".hint")).length).toBeGreaterThan(1);
    expect(bytesOnDisk(bench).includes("secret")).toBe(false);

    const again = await bench.open({ ...ONE, ...NOTE });
    expect(text(again.getSync("secret-key-7"))).toBe("secret value 7");
    expect(again.has("secret-key-3")).toBe(false);
    expect(text(await again.get("secret-b"))).toBe("secret");
    expect((await collect(again.keys({ prefix: "secret-" }))).length).toBe(31);
    expect(again.stats().open.ignoredHints).toEqual([]);
    expect(again.stats().files.every(({ encryptionKeyId }) => encryptionKeyId === 1)).toBe(true);
    await again.close();
  });

  test("is read without hints, and after a crash with a torn end", async () => {
    const bench = new Bench();
    const db = await bench.open({ ...ONE, sync: "never" });
    await fill(db, 5);
    await db.sync();
    await fill(db, 7);
    bench.cutPower();
    const again = await bench.open(ONE);
    expect(text(again.getSync("secret-key-4"))).toBe("secret value 4");
    await again.close();
  });

  test("is refused without its key, with another key of that id, and with a key that is no key", async () => {
    const bench = new Bench();
    const db = await bench.open(ONE);
    await fill(db);
    await db.close();
    const missing = failure("BITCASK_ENCRYPTION_KEY_MISSING", 1);
    const wrong = failure("BITCASK_ENCRYPTION_KEY_WRONG", 1);
    await expect(bench.open()).rejects.toEqual(missing);
    const other = KEYS[2] as Uint8Array;
    await expect(bench.open({ encryption: { keyId: 1, key: other } })).rejects.toEqual(wrong);
    await expect(bench.open({ encryption: { keyId: 2, key: other } })).rejects.toEqual(missing);
    const ask = (key: unknown): BitcaskOptions => {
      return { encryption: { keyId: 1, key: () => key as Uint8Array } };
    };
    await expect(bench.open(ask(undefined))).rejects.toEqual(missing);
    await expect(bench.open(ask("key"))).rejects.toEqual(wrong);
    await expect(bench.open(ask(Buffer.alloc(16)))).rejects.toEqual(wrong);
    const failing = () => Promise.reject(new Error("the vault is closed"));
    await expect(bench.open({ encryption: { keyId: 1, key: failing } })).rejects.toThrow(
      "the vault is closed",
    );
    // Nothing was changed by all that.
    const again = await bench.open(ask(KEYS[1]));
    expect(text(again.getSync("secret-key-29"))).toBe("secret value 29");
    await again.close();
  });

  test("refuses options that make no sense", async () => {
    const bench = new Bench();
    const open = (encryption: unknown) => bench.open({ encryption } as BitcaskOptions);
    const key = KEYS[1];
    await expect(open({ keyId: 0, key })).rejects.toThrow(RangeError);
    await expect(open({ keyId: 2 ** 32, key })).rejects.toThrow(RangeError);
    await expect(open({ keyId: 1, key: Buffer.alloc(31) })).rejects.toThrow(RangeError);
    await expect(open({ keyId: 1, key: "secret" })).rejects.toThrow(TypeError);
    await expect(open({ keyId: 1, key, cipher: "rot13" })).rejects.toThrow(TypeError);
  });

  test("changes its key: new files at once, old ones by a merge, after which the old key is needless", async () => {
    const bench = new Bench();
    const plain = await bench.open(NOTE);
    await fill(plain, 10);
    await plain.close();
    const first = await bench.open({ ...ONE, ...NOTE });
    await first.put("secret-one", "1");
    expect(text(first.getSync("secret-key-0"))).toBe("secret value 0");
    await first.close();
    const asked: number[] = [];
    const key = async (keyId: number) => {
      asked.push(keyId);
      return KEYS[keyId];
    };
    const both = await bench.open({ ...NOTE, encryption: { keyId: 2, key } });
    await both.put("secret-two", "2");
    expect(new Set(asked)).toEqual(new Set([1, 2]));
    const ids = new Set(both.stats().files.map(({ encryptionKeyId }) => encryptionKeyId));
    expect(ids).toEqual(new Set([undefined, 1, 2]));
    const liveBefore = both.stats().keys;
    await both.merge();
    expect(both.stats().files.every(({ encryptionKeyId }) => encryptionKeyId === 2)).toBe(true);
    const { liveBytes, files } = both.stats();
    expect(liveBytes).toBe(files.reduce((sum, { bytes }) => sum + bytes - 64, 0));
    expect(text(both.getSync("secret-key-9"))).toBe("secret value 9");
    await both.close();
    expect(bytesOnDisk(bench).includes("secret")).toBe(false);
    const second: BitcaskOptions = { encryption: { keyId: 2, key: KEYS[2] as Uint8Array } };
    const last = await bench.open({ ...second, ...NOTE });
    expect(last.stats().keys).toBe(liveBefore);
    expect(text(last.getSync("secret-one"))).toBe("1");
    await last.close();
  });

  test("never encrypts two records with one nonce, also where a torn or refused end is written anew", async () => {
    const bench = new Bench();
    const nonces = new Set<string>();
    const collectNonces = (): void => {
      for (const path of bench.fileSystem.paths().filter((name) => name.endsWith(".data"))) {
        const bytes = contentsOf(bench, path);
        for (let at = 64; at + 24 < bytes.length; ) {
          const word = bytes.readUInt32LE(at + 4);
          if (word >>> 8 === 0) break;
          const place = `${bytes.toString("hex", at, at + 4)} at ${at}`;
          nonces.add(`${bytes.toString("hex", at + 24, at + 36)} ${place}`);
          at += 24 + 12 + (word >>> 8) + bytes.readUInt32LE(at + 8) + 16;
        }
      }
    };
    for (let life = 0; life < 4; life += 1) {
      const db = await bench.open({ ...ONE, sync: "never" });
      for (let index = 0; index < 5; index += 1) await db.put("k", `life ${life} ${index}`);
      collectNonces();
      bench.fileSystem.faults.add({ fault: { type: "error", code: "ENOSPC" }, kind: "write" });
      await expect(db.put("k", "refused")).rejects.toEqual(failure("BITCASK_DISK_FULL"));
      await db.put("k", "in its place");
      collectNonces();
      bench.cutPower();
    }
    const distinct = new Set([...nonces].map((line) => line.slice(0, 24)));
    expect(nonces.size).toBeGreaterThan(20);
    expect(distinct.size).toBe(nonces.size);
  });

  test("notices a record that was moved from one place to another, as no checksum would", async () => {
    const bench = new Bench();
    const db = await bench.open(ONE);
    await db.put("a", "1", { expiresAtMs: 10 ** 13 });
    await db.close();
    // The expiry is not secret, but bound to the record.
    const [name] = bench.names().filter((path) => path.endsWith(".data")) as [string];
    const bytes = contentsOf(bench, bench.path(name));
    const forged = Buffer.from(bytes);
    forged.writeUInt32LE(forged.readUInt32LE(64 + 24) ^ 1, 64 + 24);
    const { crc32 } = await import("node:zlib");
    forged.writeUInt32LE(crc32(forged.subarray(68), bytes.readUInt32LE(32)), 64);
    await bench.write(name, forged);
    await expect(bench.open(ONE)).rejects.toMatchObject({ code: "BITCASK_CORRUPT", offset: 64 });
    const report = await verify(DIRECTORY, { ...ONE, ports: { fileSystem: bench.fileSystem } });
    expect(report.damages).toMatchObject([{ kind: "data", offset: 64 }]);
  });
});

describe("looking after an encrypted store", () => {
  test("verify, backup, restore, checkpoint and reading beside a writer take the key", async () => {
    const bench = new Bench();
    const db = await bench.open({ ...ONE, ...NOTE });
    await fill(db);
    const ports = { fileSystem: bench.fileSystem, clock: bench.clock };
    await expect(verify(DIRECTORY, { ports })).rejects.toEqual(
      failure("BITCASK_ENCRYPTION_KEY_MISSING", 1),
    );
    expect(await verify(DIRECTORY, { ...ONE, ports })).toMatchObject({ ok: true, records: 30 });
    await db.checkpoint("/data/copy");
    const stream = await collect(db.backup());
    expect(Buffer.concat(stream).includes("secret")).toBe(false);
    await restore(stream, "/data/restored", { ports });
    const { Bitcask } = await import("../../src/index.js");
    for (const directory of [DIRECTORY, "/data/copy", "/data/restored"]) {
      const reader = await Bitcask.openReadOnly(directory, { ...ONE, ports });
      expect(text(reader.getSync("secret-key-12"))).toBe("secret value 12");
      await reader.close();
    }
    await db.close();
  });

  test.each([
    ["a record", 200, false],
    ["the header of a file, with a hint", 33, true],
    ["the header of a file, without a hint", 33, false],
  ])(
    "repair keeps what is intact when %s is damaged, and keeps it secret",
    async (_, at, hinted) => {
      const bench = new Bench();
      const db = await bench.open({ ...ONE, ...NOTE });
      await fill(db);
      await db.close();
      const [name] = bench.names().filter((path) => path.endsWith(".data")) as [string];
      if (!hinted) {
        const hint = bench.path(name.replace("data", "hint"));
        await bench.fileSystem.unlink(hint).catch(() => undefined);
      }
      bench.fileSystem.flipBit(bench.path(name), at, 3);
      const ports = { fileSystem: bench.fileSystem, clock: bench.clock };
      const report = await repair(DIRECTORY, { ...ONE, ports });
      expect(report.isChanged).toBe(true);
      expect(report.found.damages[0]).toMatchObject({ kind: "data", file: bench.path(name) });
      expect(bytesOnDisk(bench).includes("secret")).toBe(false);
      const again = await bench.open(ONE);
      const lost = at === 33 ? 0 : 1;
      expect(again.stats().keys).toBe(30 - lost);
      expect(text(again.getSync("secret-key-29"))).toBe("secret value 29");
      await again.close();
    },
  );
});
