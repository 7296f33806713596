import { describe, expect, test } from "vitest";
import type { FileHandle } from "../ports.js";
import { ManualClock } from "./manual-clock.js";
import { MemoryFileSystem } from "./memory-file-system.js";
import { isChange, type Operation } from "./operation.js";

const BYTES = new TextEncoder().encode("0123456789");

async function newFile(fileSystem: MemoryFileSystem, path = "/file"): Promise<FileHandle> {
  return fileSystem.open(path, "create-exclusive");
}

function textOf(fileSystem: MemoryFileSystem, path = "/file"): string {
  return new TextDecoder().decode(fileSystem.contents(path));
}

describe("power", () => {
  test("after a crash the old file system and its handles are dead, the new one holds survivors", async () => {
    const before = new MemoryFileSystem();
    const handle = await newFile(before);
    await handle.write(BYTES, 0);
    await handle.sync();
    await before.syncDirectory("/");

    const after = before.crash();

    await expect(handle.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "POWER_CUT" });
    expect(() => handle.writeSync(BYTES, 0)).toThrow("lost power");
    await expect(before.list("/")).rejects.toMatchObject({ code: "POWER_CUT" });
    expect(textOf(after)).toBe("0123456789");
  });

  test("power cut by an observer stops the very operation it saw", async () => {
    const fileSystem = new MemoryFileSystem();
    const handle = await newFile(fileSystem);
    fileSystem.onOperation = (operation) => {
      if (operation.kind === "write") fileSystem.cutPower();
    };

    await expect(handle.write(BYTES, 0)).rejects.toMatchObject({ code: "POWER_CUT" });
    expect(fileSystem.snapshot().file("/file").size).toBe(0);
  });

  test("a call that waits when the power goes never takes effect", async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const defer = async ({ kind }: Operation): Promise<void> =>
      kind === "write" ? gate : undefined;
    const fileSystem = new MemoryFileSystem({ defer });
    const handle = await newFile(fileSystem);
    const write = handle.write(BYTES, 0);
    fileSystem.cutPower();
    release();

    await expect(write).rejects.toMatchObject({ code: "POWER_CUT" });
    expect(fileSystem.snapshot().file("/file").size).toBe(0);
  });
});

describe("operations", () => {
  test("each gets a number, a kind and its path, in the order of the calls", async () => {
    const fileSystem = new MemoryFileSystem();
    const seen: string[] = [];
    fileSystem.onOperation = (operation) =>
      seen.push(`${operation.number} ${operation.kind} ${operation.path} ${isChange(operation)}`);
    const handle = await newFile(fileSystem);
    handle.writeSync(BYTES, 0);
    handle.readSync(new Uint8Array(1), 0);
    await handle.sync();
    await handle.close();
    await fileSystem.rename("/file", "/moved");

    expect(seen).toEqual([
      "1 create /file true",
      "2 write /file true",
      "3 read /file false",
      "4 sync /file true",
      "5 rename /file true",
    ]);
    expect(fileSystem.operationCount).toBe(5);
  });

  test("open handles are counted, so that a leak shows", async () => {
    const fileSystem = new MemoryFileSystem();
    const handle = await newFile(fileSystem);
    expect(fileSystem.openHandleCount).toBe(1);
    await handle.close();
    await handle.close();
    expect(fileSystem.openHandleCount).toBe(0);
  });
});

describe("planted faults", () => {
  test("the nth matching operation fails with the given code, once, and does nothing", async () => {
    const fileSystem = new MemoryFileSystem();
    const handle = await newFile(fileSystem);
    fileSystem.faults.add({ kind: "write", skip: 1, fault: { type: "error", code: "EIO" } });

    await handle.write(BYTES, 0);
    await expect(handle.write(BYTES, 10)).rejects.toMatchObject({ code: "EIO", path: "/file" });
    expect(await handle.size()).toBe(10);
    handle.writeSync(BYTES, 10);
    expect(await handle.size()).toBe(20);
  });

  test("a rule may name an operation's number or its path, and may be taken back", async () => {
    const fileSystem = new MemoryFileSystem();
    const fault = { type: "error", code: "EACCES" } as const;
    fileSystem.faults.add({ number: 2, fault });
    const takeBack = fileSystem.faults.add({ path: /locked$/, times: 9, fault });

    await fileSystem.list("/");
    await expect(fileSystem.list("/")).rejects.toMatchObject({ code: "EACCES" });
    await expect(newFile(fileSystem, "/locked")).rejects.toMatchObject({ code: "EACCES" });
    takeBack();
    await newFile(fileSystem, "/locked");
  });

  test("a failed write may leave a prefix in the file", async () => {
    const fileSystem = new MemoryFileSystem();
    const handle = await newFile(fileSystem);
    fileSystem.faults.add({
      kind: "write",
      fault: { type: "error", code: "EIO", writtenBytes: 4 },
    });

    await expect(handle.write(BYTES, 0)).rejects.toMatchObject({ code: "EIO" });
    expect(textOf(fileSystem)).toBe("0123");
  });

  test("a failed sync drops dirty pages, or keeps them readable and loses them", async () => {
    for (const pages of ["dropped", "marked-clean"] as const) {
      const fileSystem = new MemoryFileSystem();
      const handle = await newFile(fileSystem);
      await fileSystem.syncDirectory("/");
      await handle.write(BYTES, 0);
      fileSystem.faults.add({ kind: "sync", fault: { type: "error", code: "EIO", pages } });

      expect(() => handle.syncSync()).toThrow("EIO");
      expect(textOf(fileSystem)).toBe(pages === "dropped" ? "" : "0123456789");
      await handle.sync();
      expect(textOf(fileSystem.crash())).toBe("");
    }
  });

  test("a lying sync answers with success and makes nothing durable", async () => {
    const fileSystem = new MemoryFileSystem();
    const handle = await newFile(fileSystem);
    const fault = { type: "lying-sync" } as const;
    fileSystem.faults.add({ kind: ["sync", "sync-directory"], times: 3, fault });
    await handle.write(BYTES, 0);
    await handle.sync();
    handle.syncSync();
    await fileSystem.syncDirectory("/");

    expect(fileSystem.crashDecisions().length).toBeGreaterThan(0);
    expect(fileSystem.crash().paths()).toEqual([]);
  });

  test("a read may see a flipped bit that is not on the disk", async () => {
    const fileSystem = new MemoryFileSystem();
    const handle = await newFile(fileSystem);
    await handle.write(BYTES, 0);
    fileSystem.faults.add({ kind: "read", fault: { type: "flip-read", offset: 1, bit: 0 } });

    const into = new Uint8Array(3);
    await handle.read(into, 0);
    expect(new TextDecoder().decode(into)).toBe("002");
    await handle.read(into, 0);
    expect(new TextDecoder().decode(into)).toBe("012");
  });

  test("a bit flipped at rest stays flipped, synced or not, over a crash", async () => {
    const fileSystem = new MemoryFileSystem();
    const handle = await newFile(fileSystem);
    await fileSystem.syncDirectory("/");
    await handle.write(BYTES, 0);
    await handle.sync();
    await handle.write(new Uint8Array([0x41]), 9);
    fileSystem.flipBit("/file", 0, 1);

    expect(textOf(fileSystem)).toBe("212345678A");
    const { length } = fileSystem.crashDecisions();
    expect(textOf(fileSystem.crash(Array.from({ length }, () => 1)))).toBe("212345678A");
    expect(() => fileSystem.flipBit("/file", 10, 0)).toThrow("EINVAL");
  });

  test("a slow call waits for the clock, a blocking one moves it, a hanging one never returns", async () => {
    const clock = new ManualClock();
    const fileSystem = new MemoryFileSystem({ clock });
    const handle = await newFile(fileSystem);
    fileSystem.faults.add({ kind: "write", fault: { type: "delay", milliseconds: 50 } });
    fileSystem.faults.add({
      kind: "sync",
      times: 2,
      fault: { type: "delay", milliseconds: Number.POSITIVE_INFINITY },
    });

    let isWritten = false;
    const write = handle.write(BYTES, 0).then(() => {
      isWritten = true;
    });
    clock.advance(49);
    await Promise.resolve();
    expect([isWritten, await handle.size()]).toEqual([false, 0]);
    clock.advance(1);
    await write;
    expect(await handle.size()).toBe(10);

    const hanging = await Promise.race([
      handle.sync().then(() => "returned"),
      new Promise((resolve) => {
        clock.schedule(1e6, () => resolve("hung"));
        clock.advance(1e7);
      }),
    ]);
    expect(hanging).toBe("hung");
    expect(() => handle.syncSync()).toThrow(RangeError);
    fileSystem.faults.add({ kind: "write", fault: { type: "delay", milliseconds: 5 } });
    const before = clock.monotonicMs();
    handle.writeSync(BYTES, 10);
    expect(clock.monotonicMs() - before).toBe(5);
  });
});

describe("limits", () => {
  test("a write past the capacity is cut short with ENOSPC; space freed can be used again", async () => {
    const fileSystem = new MemoryFileSystem({ capacityBytes: 15 });
    const first = await newFile(fileSystem, "/first");
    await first.write(BYTES, 0);
    const second = await newFile(fileSystem, "/second");

    await expect(second.write(BYTES, 0)).rejects.toMatchObject({ code: "ENOSPC" });
    expect(textOf(fileSystem, "/second")).toBe("01234");
    expect(await fileSystem.freeBytes("/")).toBe(0);
    await first.write(BYTES, 0);
    await fileSystem.unlink("/first");
    expect(await fileSystem.freeBytes("/")).toBe(0);
    await first.close();
    expect(await fileSystem.freeBytes("/")).toBe(10);
    await second.write(BYTES, 0);
  });

  test("one handle too many fails with EMFILE", async () => {
    const fileSystem = new MemoryFileSystem({ maxOpenHandles: 1 });
    const handle = await newFile(fileSystem);
    await expect(fileSystem.open("/file", "read")).rejects.toMatchObject({ code: "EMFILE" });
    await handle.close();
    await fileSystem.open("/file", "read");
  });

  test("a read-only file system refuses every change and serves every read", async () => {
    const fileSystem = new MemoryFileSystem();
    const handle = await newFile(fileSystem);
    await handle.write(BYTES, 0);
    fileSystem.isReadOnly = true;

    await expect(handle.write(BYTES, 0)).rejects.toMatchObject({ code: "EROFS" });
    await expect(newFile(fileSystem, "/new")).rejects.toMatchObject({ code: "EROFS" });
    await expect(fileSystem.open("/file", "read-write")).rejects.toMatchObject({ code: "EROFS" });
    await expect(fileSystem.unlink("/file")).rejects.toMatchObject({ code: "EROFS" });
    await expect(fileSystem.rename("/file", "/new")).rejects.toMatchObject({ code: "EROFS" });
    await fileSystem.makeDirectory("/");
    expect(await handle.read(new Uint8Array(10), 0)).toBe(10);
  });
});
