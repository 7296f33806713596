/** Messages and services in TypeScript, from the contract, by buf and ts-proto. Offline. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buf, PACKAGE, PROTO, withScratch } from "./tools.mjs";

/** What each option is for: docs/decisions/0002-proto-codec.md. */
const OPTIONS = [
  "outputServices=nice-grpc",
  "outputServices=generic-definitions",
  "forceLong=number",
  "oneof=unions-value",
  "enumsAsLiterals=true",
  "removeEnumPrefix=true",
  "unrecognizedEnum=false",
  "outputJsonMethods=false",
  "useExactTypes=false",
  "exportCommonSymbols=false",
  "esModuleInterop=true",
  "importSuffix=.js",
  "annotateFilesWithVersion=false",
];

/** @returns {Map<string, string>} text by path below src/gen */
export function generateTypes() {
  return withScratch((scratch) => {
    const plugin = join(PACKAGE, "node_modules", "ts-proto", "protoc-gen-ts_proto");
    const local = [process.execPath, plugin];
    const template = { version: "v2", plugins: [{ local, out: scratch, opt: OPTIONS }] };
    buf(["generate", PROTO, "--template", JSON.stringify(template)]);
    const paths = readdirSync(scratch, { recursive: true }).filter((path) => path.endsWith(".ts"));
    return new Map(
      paths.map((path) => [path.replaceAll("\\", "/"), readFileSync(join(scratch, path), "utf8")]),
    );
  });
}
