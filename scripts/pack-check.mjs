/**
 * Packs every published package as npm would publish it, then asks publint and are-the-types-wrong about
 * the tarballs. Offline. All in one process: loading the latter's compiler is most of its time.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { ROOT } from "./toolchain.mjs";

// It predates `exports` and is not supported.
const IGNORED_RESOLUTION = "node10";

/** Packs all packages but the root. Returns the tarballs. */
function packAll(destination) {
  const args = [
    "--recursive",
    "--filter",
    "!{.}",
    "pack",
    "--pack-destination",
    destination,
    "--json",
  ];
  const options = { cwd: ROOT, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 };
  const packed = JSON.parse(execFileSync("pnpm", args, options));
  return packed.map(({ filename }) => readFileSync(filename));
}

/** What publint finds, warnings and suggestions too, one sentence each. */
async function lint(tarball) {
  const { buffer, byteOffset, byteLength } = tarball;
  const pack = { tarball: buffer.slice(byteOffset, byteOffset + byteLength) };
  const { messages, pkg } = await publint({ pack, strict: true });
  return messages.map((message) => `publint: ${formatMessage(message, pkg)}`);
}

/** What importers would have with their types, by every supported way of resolving an entry point. */
async function checkTypes(contents) {
  const analysis = await checkPackage(contents);
  if (analysis.types === false) return ["are-the-types-wrong: there are no types"];
  return analysis.problems
    .filter((problem) => problem.resolutionKind !== IGNORED_RESOLUTION)
    .map((problem) => `are-the-types-wrong: ${JSON.stringify(problem)}`);
}

const scratch = mkdtempSync(join(tmpdir(), "titan-pack-"));
try {
  for (const tarball of packAll(scratch)) {
    const contents = createPackageFromTarballData(tarball);
    const name = contents.packageName;
    const manifest = JSON.parse(contents.readFile(`/node_modules/${name}/package.json`));
    if (manifest.private === true) continue;
    const problems = await lint(tarball);
    // A package of commands only has no types to get wrong.
    if (manifest.exports !== undefined) problems.push(...(await checkTypes(contents)));
    console.log(`${name}: ${problems.length === 0 ? "good" : "not good"}`);
    for (const problem of problems) console.error(`  ${problem}`);
    if (problems.length > 0) process.exitCode = 1;
  }
} finally {
  rmSync(scratch, { recursive: true });
}
