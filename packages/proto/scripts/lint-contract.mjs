/** Lints and format-checks the contract, and refuses what breaks clients of the last release. Offline. */
import { join } from "node:path";
import { buf, PROTO } from "./tools.mjs";

const CHECKS = [
  ["lint", PROTO],
  ["format", PROTO, "--diff", "--exit-code"],
  ["breaking", PROTO, "--against", join(PROTO, "baseline.binpb")],
];

let failed = false;
for (const check of CHECKS) {
  try {
    buf(check);
  } catch (error) {
    failed = true;
    process.stderr.write(error.stdout ?? "");
    console.error(`buf ${check[0]}: refused`);
  }
}
if (failed) {
  console.error("A change that is meant to break clients needs a new package, titan.v2.");
  process.exit(1);
}
