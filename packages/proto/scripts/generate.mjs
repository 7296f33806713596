/**
 * Writes src/gen from the contract in proto/, but only what differs, so that an unchanged contract
 * touches no file. With CI=true (or --check) it writes nothing and fails when something differs or is
 * left over: generated code is committed and must be what the contract says.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { generateDescriptors } from "./descriptors.mjs";
import { PACKAGE } from "./tools.mjs";
import { generateTypes } from "./ts-proto.mjs";

const OUT = join(PACKAGE, "src", "gen");

const wanted = new Map([...generateTypes(), ...generateDescriptors()]);
const present = new Set(
  existsSync(OUT)
    ? readdirSync(OUT, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) =>
          join(entry.parentPath, entry.name)
            .slice(OUT.length + 1)
            .replaceAll("\\", "/"),
        )
    : [],
);

const differing = [...wanted].filter(
  ([path, text]) => !present.has(path) || readFileSync(join(OUT, path), "utf8") !== text,
);
const leftOver = [...present].filter((path) => !wanted.has(path));

const checkOnly = process.argv.includes("--check") || isTrue(process.env.CI);
if (checkOnly && differing.length + leftOver.length > 0) {
  for (const [path] of differing) console.error(`src/gen/${path}: not what proto/ says`);
  for (const path of leftOver) console.error(`src/gen/${path}: generated from nothing in proto/`);
  console.error("Run `pnpm --filter @titan/proto generate` without CI set, and commit src/gen.");
  process.exit(1);
}

for (const [path, text] of differing) {
  mkdirSync(dirname(join(OUT, path)), { recursive: true });
  writeFileSync(join(OUT, path), text);
  console.log(`wrote src/gen/${path}`);
}
for (const path of leftOver) {
  rmSync(join(OUT, path));
  console.log(`removed src/gen/${path}`);
}

function isTrue(value) {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}
