/** `npm test`: installs, builds, lints, type-checks, tests and checks the packages. */
import { ensureInstalled, turbo } from "./toolchain.mjs";

await ensureInstalled();
process.exit(
  await turbo(
    ...["build", "typecheck", "lint", "test"],
    ...["//#format-check", "//#lint:root", "//#typecheck:root", "//#knip"],
    ...["//#pack-check", "//#test:docs"],
    ...["--output-logs=new-only", "--log-order=grouped"],
    ...process.argv.slice(2),
  ),
);
