/** Messages and services in TypeScript, from the contract, by buf and ts-proto. Offline. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buf, PROTO, withScratch } from "./tools.mjs";

/** What each option is for: docs/decisions/0002-proto-codec.md. */
const OPTIONS = [
  "forceLong=number",
  "oneof=unions-value",
  "enumsAsLiterals=true",
  "removeEnumPrefix=true",
  "unrecognizedEnum=false",
  "outputJsonMethods=false",
  "useExactTypes=false",
  "esModuleInterop=true",
  "importSuffix=.js",
  "annotateFilesWithVersion=false",
];

/**
 * Types of the messages and of the services. Everything that runs is written by scripts/codec.mjs.
 * @returns {Map<string, string>} text by path below src/gen
 */
export function generateTypes() {
  const files = run([...OPTIONS, "outputServices=nice-grpc", "outputEncodeMethods=false"]);
  // ts-proto does not know that without its codec messages of other files are types only.
  const asTypes = (text) => text.replaceAll(/^import \{/gm, "import type {");
  return new Map([...files].map(([path, text]) => [path, asTypes(text)]));
}

/**
 * The same with ts-proto's own codec: the slow, independent twin that the tests compare ours with.
 * @returns {Map<string, string>} text by path below test/gen
 */
export function generateReference() {
  return run([...OPTIONS, "outputServices=none"]);
}

function run(options) {
  return withScratch((scratch) => {
    const plugin = fileURLToPath(import.meta.resolve("ts-proto/protoc-gen-ts_proto"));
    const local = [process.execPath, plugin];
    const template = { version: "v2", plugins: [{ local, out: scratch, opt: options }] };
    buf(["generate", PROTO, "--template", JSON.stringify(template)]);
    const paths = readdirSync(scratch, { recursive: true }).filter((path) => path.endsWith(".ts"));
    return new Map(
      paths.map((path) => [path.replaceAll("\\", "/"), readFileSync(join(scratch, path), "utf8")]),
    );
  });
}
