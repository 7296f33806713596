#!/usr/bin/env node
import { once } from "node:events";
import { NodeFileSystem, runWalCommand } from "../dist/wal/index.js";

function printTo(stream) {
  return async (text) => {
    if (!stream.write(text)) await once(stream, "drain");
  };
}

process.exitCode = await runWalCommand(process.argv.slice(2), {
  fileSystem: new NodeFileSystem(),
  print: printTo(process.stdout),
  printError: printTo(process.stderr),
});
