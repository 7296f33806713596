/**
 * Run in a package's folder: writes the declarations of the entry points that `exports` lists, one set for
 * ES modules and one for CommonJS. The native compiler declares each file, which takes a tenth of what
 * tsup's own way through the JavaScript compiler does; tsup then only joins them
 * (docs/decisions/0017-short-check.md).
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "tsup";
import { TSC } from "./toolchain.mjs";

// Not below node_modules: what is there, tsup takes for somebody else's and does not join.
const PER_FILE = ".declarations";

/** "level/index" for each subpath whose types are in dist/level/index.d.ts. */
function entryNames() {
  const { exports } = JSON.parse(readFileSync("package.json", "utf8"));
  const types = Object.values(exports).flatMap((target) => target.import?.types ?? []);
  return types.map((file) => file.replace(/^\.\/dist\/(.*)\.d\.ts$/, "$1"));
}

/** Checks the entry points with all they import, and declares each file beside the others. */
function declareFiles(names) {
  const config = {
    extends: "../tsconfig.json",
    compilerOptions: {
      ...{ noEmit: false, emitDeclarationOnly: true, declarationMap: false },
      ...{ rootDir: "../src", outDir: "." },
    },
    files: names.map((name) => `../src/${name}.ts`),
    include: [],
  };
  mkdirSync(PER_FILE, { recursive: true });
  writeFileSync(join(PER_FILE, "tsconfig.json"), JSON.stringify(config));
  execFileSync(process.execPath, [TSC, "-p", PER_FILE], { stdio: "inherit" });
}

try {
  const names = entryNames();
  declareFiles(names);
  await build({
    config: false,
    entry: Object.fromEntries(names.map((name) => [name, join(PER_FILE, `${name}.d.ts`)])),
    format: ["esm", "cjs"],
    dts: { only: true },
    silent: true,
  });
} finally {
  rmSync(PER_FILE, { recursive: true, force: true });
}
