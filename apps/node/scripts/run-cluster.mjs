/** Builds and runs a program of test/ that starts nodes as processes of their own. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { build } from "tsup";

const PACKAGE = join(import.meta.dirname, "..");

/** Runs test/`name`/main.ts with this process's arguments, from any directory; ends with its exit code. */
export async function runCluster(name) {
  // tsup takes paths as relative to the directory it is run in.
  process.chdir(PACKAGE);
  const out = join("node_modules", ".cache", name);
  await build({
    ...{ config: false, silent: true, clean: true },
    ...{ entry: [`test/${name}/*.ts`], format: ["esm"], outDir: out },
  });
  const program = join(PACKAGE, out, "main.js");
  const { status } = spawnSync(process.execPath, [program, ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  process.exit(status ?? 1);
}
