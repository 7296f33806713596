#!/usr/bin/env node
if (process.argv[2] === "--version") {
  const { createRequire } = await import("node:module");
  const { version } = createRequire(import.meta.url)("../package.json");
  process.stdout.write(`${version}\n`);
} else {
  await import("../dist/cli/main.js");
}
