import { expect, test } from "vitest";
import { NodeProcessTable } from "./node-process-table.js";

const table = new NodeProcessTable();

test("this process is alive; one that got its number later is not the same", () => {
  const self = table.self();
  expect(self.pid).toBe(process.pid);
  expect(table.isAlive(self)).toBe("alive");
  expect(table.isAlive({ ...self, startToken: "" })).toBe("alive");
  if (self.startToken !== "") {
    expect(table.isAlive({ ...self, startToken: "another boot/1" })).toBe("dead");
  }
});

test("a number that nobody has is dead; of another host nothing is known", () => {
  const self = table.self();
  expect(table.isAlive({ ...self, pid: 2 ** 22 + 1 })).toBe("dead");
  expect(table.isAlive({ ...self, pid: -1 })).toBe("dead");
  expect(table.isAlive({ ...self, host: "elsewhere" })).toBe("unknown");
});
