/** What CI runs beyond `npm test`: the same random and fault tests with many more cases, minutes in all. */
import { ensureInstalled, turbo } from "./toolchain.mjs";

await ensureInstalled();
// One package at a time: each uses all cores.
process.exit(
  await turbo("test:thorough", "--concurrency=1", "--log-order=grouped", ...process.argv.slice(2)),
);
