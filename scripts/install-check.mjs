/**
 * Packs every published package, installs the tarballs with npm in an empty folder, and runs there the
 * first program of each library's README as an ES module and as CommonJS, and type-checks it. Needs the
 * registry for third-party dependencies.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pnpm, ROOT } from "./toolchain.mjs";

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;
const PROGRAM_TIMEOUT_MS = 60_000;
const LIBRARIES = ["bitcask", "raft", "ring", "proto", "client"];
const scratch = mkdtempSync(join(tmpdir(), "titan-install-"));
const tarballs = join(scratch, "tarballs");
const inScratch = { cwd: scratch, stdio: "inherit" };
// The compiler that users of the packages have, not the native one.
const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");

function firstProgram(library) {
  const readme = readFileSync(join(ROOT, "packages", library, "README.md"), "utf8");
  const fence = /^```ts\n([\s\S]*?)^```$/m.exec(readme);
  if (fence === null) throw new Error(`${library}: its README has no program`);
  return fence[1];
}

/** The program as a reader of an ES module or of a CommonJS project would have it. */
function compile(library, program, moduleKind, endpoint) {
  const extension = moduleKind === "esm" ? "mts" : "cts";
  const body = program.replaceAll(/\b(127\.0\.0\.1|localhost):7420\b/g, endpoint);
  // CommonJS has no top-level await: there the same statements stand in an async function.
  const [imports, rest] = [/^import .*$/gm, body.replaceAll(/^import .*$/gm, "")];
  const text =
    moduleKind === "esm"
      ? body
      : `${body.match(imports).join("\n")}\nasync function main(): Promise<void> {\n${rest}\n}\n` +
        "main().catch((error: unknown) => { console.error(error); process.exit(1); });\n";
  const file = join(scratch, `${library}-${moduleKind}.${extension}`);
  writeFileSync(file, text);
  const flags = ["--strict", "--module", "NodeNext", "--target", "ES2022"];
  const libs = ["--lib", "ES2023,ESNext.Disposable", "--types", "node"];
  execFileSync(process.execPath, [tsc, ...flags, ...libs, file], inScratch);
  return file.replace(/ts$/, "js");
}

async function startNode() {
  const server = spawn(
    join(scratch, "node_modules", ".bin", "titan-node"),
    ["--grpc-addr", "127.0.0.1:0", "--data-dir", join(scratch, "data")],
    { stdio: ["ignore", "ignore", "inherit", "ipc"] },
  );
  const late = setTimeout(() => server.kill("SIGKILL"), START_TIMEOUT_MS);
  const address = await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("exit", (code, signal) => reject(new Error(`titan-node ended: ${code ?? signal}`)));
    server.on("message", (message) => message.type === "listening" && resolve(message.address));
  });
  clearTimeout(late);
  return { server, address };
}

/** Resolves once the node has ended, so that nothing still writes to the folder that is then removed. */
async function stopNode(server) {
  if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, "exit");
  server.kill("SIGTERM");
  const late = setTimeout(() => server.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(late);
}

let server;
try {
  const names = [...LIBRARIES.map((name) => `./packages/${name}`), "./apps/node", "./apps/cli"];
  for (const name of names) {
    if ((await pnpm("--dir", name, "pack", "--pack-destination", tarballs)) !== 0) {
      throw new Error(`${name} could not be packed`);
    }
  }
  writeFileSync(join(scratch, "package.json"), '{ "private": true }\n');
  const files = readdirSync(tarballs).map((name) => join(tarballs, name));
  const types = `@types/node@${JSON.parse(readFileSync(join(ROOT, "node_modules/@types/node/package.json"), "utf8")).version}`;
  execFileSync(
    "npm",
    ["install", "--no-audit", "--no-fund", "--prefer-offline", ...files, types],
    inScratch,
  );
  const started = await startNode();
  server = started.server;
  for (const library of LIBRARIES) {
    for (const moduleKind of ["esm", "cjs"]) {
      const file = compile(library, firstProgram(library), moduleKind, started.address);
      console.log(`$ node ${library} (${moduleKind})`);
      execFileSync(process.execPath, [file], { ...inScratch, timeout: PROGRAM_TIMEOUT_MS });
    }
  }
  console.log("Packed tarballs install and run in an empty folder.");
} finally {
  await stopNode(server);
  rmSync(scratch, { recursive: true, force: true });
}
