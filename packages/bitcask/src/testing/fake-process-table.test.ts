import { expect, test } from "vitest";
import { FakeMachine } from "./fake-process-table.js";

test("a killed process is dead, and stays dead when its number runs again", () => {
  const machine = new FakeMachine();
  const observer = machine.start(1);
  const holder = machine.start(2).self();

  expect(observer.isAlive(holder)).toBe("alive");
  machine.kill(2);
  expect(observer.isAlive(holder)).toBe("dead");
  const successor = machine.start(2).self();
  expect(observer.isAlive(holder)).toBe("dead");
  expect(observer.isAlive(successor)).toBe("alive");
});
