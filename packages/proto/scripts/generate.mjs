/**
 * Writes src/gen and test/gen from the contract in proto/, but only what differs, so that an unchanged
 * contract touches no file. With CI=true (or --check) it writes nothing and fails when something differs
 * or is left over: generated code is committed and must be what the contract says.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { generateCodec } from "./codec.mjs";
import { generateDescriptors } from "./descriptors.mjs";
import { PACKAGE } from "./tools.mjs";
import { generateReference, generateTypes } from "./ts-proto.mjs";

const FOLDERS = {
  "src/gen": [generateTypes(), generateCodec(), generateDescriptors()],
  "test/gen": [generateReference()],
};

const wanted = new Map(
  Object.entries(FOLDERS).flatMap(([folder, parts]) =>
    parts.flatMap((part) => [...part].map(([path, text]) => [`${folder}/${path}`, text])),
  ),
);
const present = new Set(Object.keys(FOLDERS).flatMap(filesBelow));
const differing = [...wanted].filter(
  ([path, text]) => !present.has(path) || readFileSync(join(PACKAGE, path), "utf8") !== text,
);
const leftOver = [...present].filter((path) => !wanted.has(path));

const checkOnly = process.argv.includes("--check") || isTrue(process.env.CI);
if (checkOnly && differing.length + leftOver.length > 0) {
  for (const [path] of differing) console.error(`${path}: not what proto/ says`);
  for (const path of leftOver) console.error(`${path}: generated from nothing in proto/`);
  console.error("Run `pnpm --filter @titan/proto generate` without CI set, and commit the result.");
  process.exit(1);
}

for (const [path, text] of differing) {
  mkdirSync(dirname(join(PACKAGE, path)), { recursive: true });
  writeFileSync(join(PACKAGE, path), text);
  console.log(`wrote ${path}`);
}
for (const path of leftOver) {
  rmSync(join(PACKAGE, path));
  console.log(`removed ${path}`);
}

function filesBelow(folder) {
  const root = join(PACKAGE, folder);
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(PACKAGE, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}

function isTrue(value) {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}
