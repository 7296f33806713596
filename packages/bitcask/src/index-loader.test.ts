import { expect, test } from "vitest";
import { DataFile } from "./data-file.js";
import { IndexLoader } from "./index-loader.js";
import { Keydir } from "./keydir/keydir.js";
import { createLocation } from "./keydir/location.js";
import { TOMBSTONE } from "./record-format.js";
import { SeededRandom } from "./testing/index.js";

function loaderOf(count: number) {
  const files = Array.from({ length: count }, (_, index) => {
    return new DataFile({
      id: index,
      path: `${index}`,
      salt: 0,
      isMerged: false,
      cipher: undefined,
      size: 10_000,
    });
  });
  const keydir = new Keydir({ random: new SeededRandom(1) });
  const loader = new IndexLoader(keydir, (fileId) => files[fileId] as DataFile);
  return { files, keydir, loader };
}

test("the newest record of a key wins, in whatever order the files come", () => {
  const random = new SeededRandom(7);
  for (let round = 0; round < 200; round++) {
    const { files, keydir, loader } = loaderOf(3);
    const records = Array.from({ length: 12 }, (_, index) => ({
      sequence: index + 1,
      flags: random.nextInt(3) === 0 ? TOMBSTONE : 0,
      key: Buffer.from(`k${random.nextInt(3)}`),
      file: files[random.nextInt(3)] as DataFile,
    }));
    const expected = new Map<string, number>();
    for (const { key, flags, sequence } of records) {
      if (flags) expected.delete(key.toString());
      else expected.set(key.toString(), sequence);
    }
    while (records.length > 0) {
      const [record] = records.splice(random.nextInt(records.length), 1);
      if (record === undefined) break;
      const { file, key, ...rest } = record;
      loader.loadCopy(file, { ...rest, expiresAt: 0, recordSize: 10, position: 64 }, key);
    }
    loader.finish();
    const found = createLocation();
    for (const name of ["k0", "k1", "k2"]) {
      const isThere = keydir.get(Buffer.from(name), found);
      expect(isThere ? found.sequence : undefined).toBe(expected.get(name));
    }
    const live = files.reduce((sum, { liveBytes }) => sum + liveBytes, 0);
    expect(live).toBe(expected.size * 10);
    expect(loader.highestSequence).toBe(12);
  }
});
