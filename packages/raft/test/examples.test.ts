import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const PACKAGE = join(import.meta.dirname, "..");

test("the first program of the README is the counter of the examples", () => {
  const readme = readFileSync(join(PACKAGE, "README.md"), "utf8");
  const [, program] = /^```ts\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  expect(program).toBe(readFileSync(join(PACKAGE, "examples", "counter.ts"), "utf8"));
});
