/** The command `titan-node`. */
import { processIo, runCommand } from "./command.js";
import { devIo, runDev } from "./dev/run-dev.js";
import { EXIT_CRASH } from "./exit-code.js";

const words = process.argv.slice(2);
const running =
  words[0] === "dev"
    ? runDev(words.slice(1), devIo(process))
    : runCommand(words, processIo(process));
running.then(
  // Nothing is under way any more; an IPC channel or an idle timer must not keep the process alive.
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`titan-node: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(EXIT_CRASH);
  },
);
