import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  clockConformance,
  fileSystemConformance,
  MemoryFileSystem,
  randomConformance,
  SeededRandom,
  VirtualClock,
} from "../../src/testing/index.js";
import { NodeFileSystem, nodePorts } from "../../src/wal/index.js";

describe("the file system of this machine", () => {
  fileSystemConformance({
    test,
    open: async () => {
      const root = await mkdtemp(join(tmpdir(), "titan-raft-"));
      const close = (): Promise<void> => rm(root, { recursive: true });
      return { fileSystem: new NodeFileSystem(), root, close };
    },
  });
});

describe("the file system in memory", () => {
  fileSystemConformance({
    test,
    open: async () => {
      const fileSystem = new MemoryFileSystem();
      await fileSystem.makeDirectory("/root");
      return { fileSystem, root: "/root", close: () => Promise.resolve() };
    },
  });
});

describe("the clock of this machine", () => {
  const pass = async (milliseconds: number): Promise<void> => wait(milliseconds + 5);
  clockConformance({ test, open: () => ({ clock: nodePorts().clock, pass }) });
});

describe("the virtual clock", () => {
  const open = () => {
    const clock = new VirtualClock();
    return { clock, pass: async (milliseconds: number) => clock.advance(milliseconds) };
  };
  clockConformance({ test, open });

  test("runs what falls due on the way at its time, in order", () => {
    const clock = new VirtualClock();
    const calls: string[] = [];
    const note = (name: string) => () => calls.push(`${name} at ${clock.monotonicMs()}`);
    clock.schedule(30, note("late"));
    clock.schedule(10, note("early"));
    clock.schedule(10, () => clock.schedule(5, note("child")));
    clock.advance(30);
    expect(calls).toEqual(["early at 10", "child at 15", "late at 30"]);
  });

  test("jumps in wall time only", () => {
    const clock = new VirtualClock();
    const before = clock.wallMs();
    clock.jumpWall(-5000);
    expect([clock.wallMs() - before, clock.monotonicMs()]).toEqual([-5000, 0]);
  });
});

describe("the dice of this machine", () => {
  randomConformance({ test, open: () => nodePorts().random });
});

describe("seeded dice", () => {
  randomConformance({ test, open: () => new SeededRandom(42) });

  test("give the same numbers for the same seed, others for another or another stream", () => {
    const draw = (seed: number, stream?: number): number[] => {
      const random = new SeededRandom(seed, stream);
      return Array.from({ length: 4 }, () => random.nextInt(2 ** 32));
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).toEqual([441792574, 614447336, 1644328534, 3387734806]);
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(1)).not.toEqual(draw(1 + 2 ** 32));
    expect(draw(1)).not.toEqual(draw(1, 1));
  });
});
