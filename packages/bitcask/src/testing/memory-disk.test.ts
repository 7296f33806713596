import { describe, expect, test } from "vitest";
import { type CrashChoice, crashChoices } from "./crash-choice.js";
import { MemoryDisk } from "./memory-disk.js";
import { SeededRandom } from "./seeded-random.js";

const encoder = new TextEncoder();

function textOf(disk: MemoryDisk, path: string): string {
  const file = disk.file(path);
  const bytes = new Uint8Array(file.size);
  file.read(bytes, 0);
  return new TextDecoder().decode(bytes);
}

/** Every outcome of a power cut now, as `path=content` lists. */
function outcomes(disk: MemoryDisk): string[] {
  const found = new Set<string>();
  const bounds = { exhaustive: 100_000 };
  for (const choice of crashChoices(disk.crashDecisions(), new SeededRandom(1), bounds)) {
    const survivor = disk.crash(choice);
    const listing = survivor.paths().map((path) => `${path}=${textOf(survivor, path)}`);
    found.add(listing.join(" "));
  }
  return [...found].sort();
}

function allKept(disk: MemoryDisk): CrashChoice {
  return disk.crashDecisions().map(({ options }) => options - 1);
}

/** A disk with one durable file, `/file`, that holds `text`. */
function diskWith(text: string): MemoryDisk {
  const disk = new MemoryDisk();
  const file = disk.create("/file");
  file.write(encoder.encode(text), 0);
  file.sync();
  disk.syncDirectory("/");
  return disk;
}

describe("what a power cut leaves of bytes", () => {
  test("synced bytes under a synced name always survive", () => {
    const disk = diskWith("safe");

    expect(disk.crashDecisions()).toEqual([]);
    expect(outcomes(disk)).toEqual(["/file=safe"]);
  });

  test("an unsynced append may be lost, grown but unwritten, or kept", () => {
    const disk = diskWith("ab");
    disk.file("/file").write(encoder.encode("cd"), 2);

    expect(outcomes(disk)).toEqual(["/file=ab", "/file=ab\0\0", "/file=abcd"]);
  });

  test("an unsynced overwrite is lost or kept", () => {
    const disk = diskWith("old");
    disk.file("/file").write(encoder.encode("new"), 0);

    expect(outcomes(disk)).toEqual(["/file=new", "/file=old"]);
  });

  test("one sector written twice holds the first, the second or neither, never the second alone", () => {
    const disk = diskWith("....");
    disk.file("/file").write(encoder.encode("1"), 0);
    disk.file("/file").write(encoder.encode("2"), 1);

    expect(outcomes(disk)).toEqual(["/file=....", "/file=1...", "/file=12.."]);
  });

  test("a write across sectors tears at their boundary, either side first", () => {
    const disk = diskWith("-".repeat(1024));
    disk.file("/file").write(encoder.encode("xy"), 511);

    const dashes = "-".repeat(511);
    expect(outcomes(disk)).toEqual(
      [`--`, `x-`, `-y`, `xy`].map((pair) => `/file=${dashes}${pair}${dashes}`).sort(),
    );
  });

  test("a growing file may stop at any sector boundary on its way", () => {
    const disk = diskWith("");
    disk.file("/file").write(new Uint8Array(1300).fill(65), 0);

    const sizes = new Set(outcomes(disk).map((outcome) => outcome.length - "/file=".length));
    expect([...sizes].sort((left, right) => left - right)).toEqual([0, 512, 1024, 1300]);
  });

  test("an unsynced cut may be lost, half done or done; a synced one is done", () => {
    const disk = diskWith("abcd");
    disk.file("/file").truncate(2);

    expect(outcomes(disk)).toEqual(["/file=ab", "/file=abcd", "/file=ab\0\0"].sort());
    disk.file("/file").sync();
    expect(outcomes(disk)).toEqual(["/file=ab"]);
  });

  test("a cut and a new write leave no byte from beyond the cut under the new size once synced", () => {
    const disk = diskWith("abcdefgh");
    disk.file("/file").truncate(2);
    disk.file("/file").write(encoder.encode("X"), 5);
    disk.file("/file").sync();

    expect(outcomes(disk)).toEqual(["/file=ab\0\0\0X"]);
  });

  test("a sync that began before a write does not make that write durable", () => {
    const disk = diskWith("");
    const file = disk.file("/file");
    file.write(encoder.encode("a"), 0);
    const upTo = file.ordinal;
    file.write(encoder.encode("b"), 1);
    file.sync(upTo);

    expect(outcomes(disk)).toEqual(["/file=a", "/file=a\0", "/file=ab"]);
  });
});

describe("what a failed sync leaves", () => {
  test("dropped pages: reads see the old bytes again, and so does the next boot", () => {
    const disk = diskWith("old");
    disk.file("/file").write(encoder.encode("new"), 0);
    disk.file("/file").failSync("dropped");

    expect(textOf(disk, "/file")).toBe("old");
    expect(outcomes(disk)).toEqual(["/file=old"]);
  });

  test("pages marked clean: reads see the new bytes, a later sync succeeds, the bytes are lost", () => {
    const disk = diskWith("old");
    disk.file("/file").write(encoder.encode("new"), 0);
    disk.file("/file").failSync("marked-clean");
    disk.file("/file").sync();

    expect(textOf(disk, "/file")).toBe("new");
    expect(outcomes(disk)).toEqual(["/file=old"]);
  });

  test("written pages: only the answer was lost", () => {
    const disk = diskWith("old");
    disk.file("/file").write(encoder.encode("new"), 0);
    disk.file("/file").failSync("written");

    expect(outcomes(disk)).toEqual(["/file=new"]);
  });
});

describe("what a power cut leaves of names", () => {
  test("a new name needs its directory's sync, however often the file was synced", () => {
    const disk = new MemoryDisk();
    disk.create("/file").sync();

    expect(outcomes(disk)).toEqual(["", "/file="]);
    disk.syncDirectory("/");
    expect(outcomes(disk)).toEqual(["/file="]);
  });

  test("a rename is atomic: old name or new, never both and never neither", () => {
    const disk = diskWith("x");
    disk.rename("/file", "/moved");

    expect(outcomes(disk)).toEqual(["/file=x", "/moved=x"]);
  });

  test("a rename over a file leaves the old or the new file under the name", () => {
    const disk = diskWith("old");
    const fresh = disk.create("/fresh");
    fresh.write(encoder.encode("new"), 0);
    fresh.sync();
    disk.syncDirectory("/");
    disk.rename("/fresh", "/file");

    expect(outcomes(disk)).toEqual(["/file=new", "/file=old /fresh=new"]);
  });

  test("changes of different names survive in any combination", () => {
    const disk = new MemoryDisk();
    disk.create("/a");
    disk.create("/b");

    expect(outcomes(disk)).toEqual(["", "/a=", "/a= /b=", "/b="]);
  });

  test("an unsynced unlink may be undone; its bytes come back with it", () => {
    const disk = diskWith("back");
    disk.unlink("/file");

    expect(disk.paths()).toEqual([]);
    expect(outcomes(disk)).toEqual(["", "/file=back"]);
  });

  test("a link gives both names one file", () => {
    const disk = diskWith("x");
    disk.link("/file", "/alias");
    disk.syncDirectory("/");

    expect(outcomes(disk)).toEqual(["/alias=x /file=x"]);
  });

  test("a file in a directory whose own name is lost is lost", () => {
    const disk = new MemoryDisk();
    disk.makeDirectory("/a/b");
    disk.create("/a/b/file").sync();
    disk.syncDirectory("/a/b");

    expect(outcomes(disk)).toEqual(["", "/a/b/file="]);
    disk.syncDirectory("/a");
    disk.syncDirectory("/");
    expect(outcomes(disk)).toEqual(["/a/b/file="]);
  });

  test("a move between directories is durable when either of them is synced", () => {
    const disk = diskWith("x");
    disk.makeDirectory("/to");
    disk.syncDirectory("/");
    disk.rename("/file", "/to/file");
    disk.syncDirectory("/to");

    expect(outcomes(disk)).toEqual(["/to/file=x"]);
  });
});

describe("the disk after a cut", () => {
  test("losing nothing gives what programs saw", () => {
    const disk = diskWith("one");
    disk.file("/file").write(encoder.encode("three"), 0);
    disk.rename("/file", "/moved");

    const survivor = disk.crash(allKept(disk));
    expect(survivor.paths()).toEqual(["/moved"]);
    expect(textOf(survivor, "/moved")).toBe("three");
  });

  test("leaves nothing unsynced behind", () => {
    const disk = diskWith("one");
    disk.file("/file").write(encoder.encode("three"), 0);
    disk.create("/other");

    expect(disk.crash(allKept(disk)).crashDecisions()).toEqual([]);
  });

  test("a clone and its original go their own ways", () => {
    const disk = diskWith("one");
    disk.file("/file").write(encoder.encode("two"), 0);
    const twin = disk.clone();
    disk.file("/file").write(encoder.encode("!"), 0);
    disk.file("/file").sync();
    disk.unlink("/file");

    expect(textOf(twin, "/file")).toBe("two");
    expect(outcomes(twin)).toEqual(["/file=one", "/file=two"]);
  });
});
