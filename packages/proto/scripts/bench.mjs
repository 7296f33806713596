/** Builds and runs bench/codec.bench.ts beside protobufjs's static code for the same contract. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PACKAGE, PROTO } from "./tools.mjs";

const OUT = join(PACKAGE, "node_modules", ".cache", "bench");
const PBJS =
  "-t static-module -w esm --no-verify --no-convert --no-delimited --no-typeurl --no-service";
const run = (module, ...args) =>
  execFileSync(process.execPath, [fileURLToPath(module), ...args], {
    cwd: PACKAGE,
    stdio: ["ignore", "ignore", "inherit"],
  });

mkdirSync(OUT, { recursive: true });
const contract = join(PROTO, "titan", "v1", "kv.proto");
run(
  import.meta.resolve("protobufjs-cli/bin/pbjs"),
  ...PBJS.split(" "),
  "-o",
  join(OUT, "pbjs.mjs"),
  contract,
);
run(
  new URL("cli-default.js", import.meta.resolve("tsup")),
  "bench/codec.bench.ts",
  "--no-config",
  "--format",
  "esm",
  "--out-dir",
  OUT,
);
execFileSync(process.execPath, [join(OUT, "codec.bench.js")], { cwd: PACKAGE, stdio: "inherit" });
