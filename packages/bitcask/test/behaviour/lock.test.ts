import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { Bitcask } from "../../src/index.js";
import { Bench, DIRECTORY } from "./bench-store.js";

test("a second open is refused, names the holder, and harms nothing", async () => {
  const bench = new Bench();
  const first = await bench.open();
  const second = bench.open();
  await expect(second).rejects.toMatchObject({ code: "BITCASK_LOCKED" });
  await expect(second).rejects.toThrow(/process 100 on test-host/);
  await first.put("a", "1");
  await first.close();
  const third = await bench.open();
  expect(third.has("a")).toBe(true);
  await third.close();
  expect(bench.names().filter((name) => name.startsWith("lock"))).toEqual([]);
});

test("a second open in the same process is refused as well", async () => {
  const bench = new Bench();
  const processes = bench.machine.start(7);
  const { fileSystem, clock } = bench;
  const ports = { fileSystem, clock, processes };
  const first = await Bitcask.open(DIRECTORY, { ports });
  await expect(Bitcask.open(DIRECTORY, { ports })).rejects.toThrow(/this process/);
  await first.close();
});

test("the lock of a dead process is taken over, and the report says so", async () => {
  const bench = new Bench();
  await bench.open();
  bench.kill();
  const db = await bench.open();
  expect(db.stats().open.staleLockTakenOver).toBe(true);
  await db.close();
});

test("of many that take over a dead process's lock at once, exactly one gets it", async () => {
  for (let round = 0; round < 20; round++) {
    const bench = new Bench();
    await bench.open();
    bench.kill();
    const opens = await Promise.allSettled(Array.from({ length: 8 }, () => bench.open()));
    const won = opens.filter(({ status }) => status === "fulfilled");
    expect(won.length).toBe(1);
    for (const open of opens) {
      if (open.status === "rejected") expect(open.reason).toMatchObject({ code: "BITCASK_LOCKED" });
    }
  }
});

test("a holder on another machine is respected, with advice", async () => {
  const bench = new Bench();
  await bench.open();
  bench.kill();
  const path = bench.path("lock");
  const [holder] = Buffer.from(bench.fileSystem.contents(path)).toString().split("\n") as [string];
  const elsewhere = JSON.stringify({ ...(JSON.parse(holder) as object), host: "elsewhere" });
  const checksum = crc32(elsewhere).toString(16).padStart(8, "0");
  await bench.write("lock", Buffer.from(`${elsewhere}\n${checksum}\n`));
  await expect(bench.open()).rejects.toThrow(/elsewhere.*remove the file/s);
});

test("a lock file that names nobody is not guessed about", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.close();
  await bench.write("lock", Buffer.from("?"));
  await expect(bench.open()).rejects.toMatchObject({
    code: "BITCASK_LOCKED",
    file: bench.path("lock"),
  });
});

test("a holder that cannot be looked up is asked, and respected unless it is surely dead", async () => {
  const bench = new Bench();
  await bench.open();
  const { fileSystem, clock } = bench;
  const asked: string[] = [];
  const open = (answer: "alive" | "dead" | "unknown") => {
    const self = { pid: 8, host: "test-host", startToken: "of another namespace" };
    const answers = async (_holder: unknown, path: string) => {
      asked.push(path);
      return answer;
    };
    const processes = { self: () => self, isAlive: () => "unknown" as const, answers };
    return Bitcask.open(DIRECTORY, { ports: { fileSystem, clock, processes } });
  };
  await expect(open("alive")).rejects.toThrow(/close the store there first/);
  await expect(open("unknown")).rejects.toThrow(/another container.*remove the file/s);
  const db = await open("dead");
  expect(db.stats().open.staleLockTakenOver).toBe(true);
  expect(new Set(asked).size).toBe(1);
  expect(asked[0]).toMatch(/lock\.[0-9a-f]{16}\.socket$/);
  await db.close();
});

test("the holder shows itself while it has the store open", async () => {
  const bench = new Bench();
  const shown: string[] = [];
  const { fileSystem, clock } = bench;
  const processes = {
    ...bench.machine.start(7),
    announce: async (path: string) => {
      shown.push(path);
      return () => void shown.pop();
    },
  };
  const db = await Bitcask.open(DIRECTORY, { ports: { fileSystem, clock, processes } });
  expect(shown.length).toBe(1);
  await db.close();
  expect(shown.length).toBe(0);
});
