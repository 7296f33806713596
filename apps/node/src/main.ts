/** The command `titan-node`. */
import { processIo, runCommand } from "./command.js";
import { EXIT_CRASH } from "./exit-code.js";

runCommand(process.argv.slice(2), processIo(process)).then(
  // Nothing is under way any more; an IPC channel or an idle timer must not keep the process alive.
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`titan-node: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(EXIT_CRASH);
  },
);
