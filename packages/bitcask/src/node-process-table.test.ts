import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { NodeProcessTable } from "./node-process-table.js";

const table = new NodeProcessTable();
const self = table.self();

test("this process is alive; one that got its number later is not the same", () => {
  expect(self.pid).toBe(process.pid);
  expect(table.isAlive(self)).toBe("alive");
  expect(table.isAlive({ ...self, startToken: "" })).toBe("alive");
});

test("a number that nobody has is dead; of another host nothing is known", () => {
  expect(table.isAlive({ ...self, pid: 2 ** 22 + 1 })).toBe("dead");
  expect(table.isAlive({ ...self, pid: -1 })).toBe("dead");
  expect(table.isAlive({ ...self, host: "elsewhere" })).toBe("unknown");
});

describe.runIf(self.startToken !== "")("where processes can be told apart", () => {
  const [boot, namespace, ticks] = self.startToken.split("/") as [string, string, string];
  const directory = mkdtempSync(join(tmpdir(), "bitcask-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const inContainer = { ...self, pid: 2 ** 22 + 1, startToken: `${boot}/pid:[1]/${ticks}` };

  test("a process of another boot, or that began at another time, is dead", () => {
    const startToken = `another-boot/${namespace}/${ticks}`;
    expect(table.isAlive({ ...self, startToken })).toBe("dead");
    expect(table.isAlive({ ...self, startToken: `${boot}/${namespace}/1` })).toBe("dead");
  });

  test("a number of another namespace says nothing, whoever has it here", () => {
    expect(table.isAlive(inContainer)).toBe("unknown");
    expect(table.isAlive({ ...inContainer, pid: process.pid })).toBe("unknown");
  });

  test("a process of another namespace answers at its socket while it runs", async () => {
    const path = join(directory, "lock.socket");
    expect(await table.answers(inContainer, path)).toBe("unknown");
    const listening =
      `require("node:net").createServer((socket) => socket.destroy())` +
      `.listen(${JSON.stringify(path)}, () => process.stdout.write("listening"))`;
    const holder = spawn(process.execPath, ["-e", listening]);
    await once(holder.stdout, "data");
    expect(await table.answers(inContainer, path)).toBe("alive");
    holder.kill("SIGKILL");
    await once(holder, "exit");
    expect(await table.answers(inContainer, path)).toBe("dead");
  });

  test("nobody is asked who ran on another machine or before the last boot", async () => {
    const path = join(directory, "lock.socket");
    const startToken = `another-boot/${namespace}/${ticks}`;
    expect(await table.answers({ ...self, startToken }, path)).toBe("unknown");
  });
});
