/** Where things are, and how this package's scripts run buf and use scratch folders. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath as pathOf } from "node:url";

export const PACKAGE = resolve(dirname(pathOf(import.meta.url)), "..");
export const PROTO = resolve(PACKAGE, "..", "..", "proto");

/**
 * Runs buf and returns what it wrote to standard output. Throws when it fails; its own words are then
 * on standard error.
 */
export function buf(args) {
  const entry = join(
    dirname(pathOf(import.meta.resolve("@bufbuild/buf/package.json"))),
    "bin",
    "buf",
  );
  return execFileSync(process.execPath, [entry, ...args], {
    cwd: PACKAGE,
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 64 * 1024 * 1024,
  });
}

/** Calls `use` with an empty folder and removes it afterwards. */
export function withScratch(use) {
  const scratch = mkdtempSync(join(tmpdir(), "titan-proto-"));
  try {
    return use(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
