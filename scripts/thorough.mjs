/**
 * What CI runs beyond `npm test`: the types with the compiler that users of the packages have, and the same
 * random and fault tests with many more cases, minutes in all.
 */
import { ensureInstalled, turbo } from "./toolchain.mjs";

await ensureInstalled();
// One package at a time: each uses all cores.
process.exit(
  await turbo(
    ...["typecheck:thorough", "test:thorough"],
    ...["--concurrency=1", "--log-order=grouped"],
    ...process.argv.slice(2),
  ),
);
