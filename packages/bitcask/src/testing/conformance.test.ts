import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "vitest";
import { NodeFileSystem } from "../node-file-system.js";
import { NodeProcessTable } from "../node-process-table.js";
import { SystemClock } from "../system-clock.js";
import { SystemRandom } from "../system-random.js";
import { FakeMachine } from "./fake-process-table.js";
import { fileSystemConformance } from "./file-system-conformance.js";
import { ManualClock } from "./manual-clock.js";
import { MemoryFileSystem } from "./memory-file-system.js";
import {
  clockConformance,
  processTableConformance,
  randomConformance,
} from "./port-conformance.js";
import { SeededRandom } from "./seeded-random.js";

describe("NodeFileSystem conforms to the FileSystem port", () => {
  fileSystemConformance({
    test,
    open: async () => {
      const root = await mkdtemp(join(tmpdir(), "titan-conformance-"));
      const close = async (): Promise<void> => rm(root, { recursive: true });
      return { fileSystem: new NodeFileSystem(), root, close };
    },
  });
});

describe("MemoryFileSystem conforms to the FileSystem port", () => {
  fileSystemConformance({
    test,
    open: async () => {
      const fileSystem = new MemoryFileSystem();
      await fileSystem.makeDirectory("/root");
      return { fileSystem, root: "/root", close: async () => undefined };
    },
  });
});

describe("MemoryFileSystem with calls that take effect late conforms as well", () => {
  fileSystemConformance({
    test,
    open: async () => {
      const random = new SeededRandom(7);
      const defer = async (): Promise<void> => {
        for (let turns = random.nextInt(5); turns > 0; turns -= 1) await Promise.resolve();
      };
      return {
        fileSystem: new MemoryFileSystem({ defer }),
        root: "/",
        close: async () => undefined,
      };
    },
  });
});

describe("SystemClock conforms to the Clock port", () => {
  clockConformance({
    test,
    open: () => ({ clock: new SystemClock(), pass: async (milliseconds) => sleep(milliseconds) }),
  });
});

describe("ManualClock conforms to the Clock port", () => {
  clockConformance({
    test,
    open: () => {
      const clock = new ManualClock();
      return { clock, pass: async (milliseconds) => clock.advance(milliseconds) };
    },
  });
});

describe("SystemRandom conforms to the Random port", () => {
  randomConformance({ test, open: () => new SystemRandom() });
});

describe("SeededRandom conforms to the Random port", () => {
  randomConformance({ test, open: () => new SeededRandom(1) });
});

describe("NodeProcessTable conforms to the ProcessTable port", () => {
  // Linux gives no process a number above 2^22.
  const open = async () => ({ processes: new NodeProcessTable(), deadPid: 2 ** 22 + 1 });
  processTableConformance({ test, open });
});

describe("FakeMachine conforms to the ProcessTable port", () => {
  const open = async () => ({ processes: new FakeMachine().start(10), deadPid: 11 });
  processTableConformance({ test, open });
});
