/** Generated code is committed, so it can lag behind the contract: here that is found out. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test("src/gen and test/gen are what the contract says", { timeout: 60_000 }, () => {
  const script = fileURLToPath(new URL("../scripts/generate.mjs", import.meta.url));
  expect(execFileSync(process.execPath, [script, "--check"], { encoding: "utf8" })).toBe("");
});
