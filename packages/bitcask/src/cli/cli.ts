/** Runs one command line. */
import { BitcaskError, isBitcaskError } from "../errors.js";
import { COMMANDS } from "./commands.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { LoadError } from "./load.js";
import { type CliPorts, OutputClosed } from "./ports.js";
import { HELP, parseCommandLine, UsageError } from "./usage.js";

/** @param argv without the program's name. Never rejects. */
export async function runCli(argv: readonly string[], ports: CliPorts): Promise<ExitCode> {
  try {
    const line = parseCommandLine(argv);
    const command = COMMANDS[line.command];
    if (!line.isHelp && command !== undefined) {
      return await command(line, ports).catch((error: unknown) => {
        throw line.command === "load" ? withAdvice(error) : error;
      });
    }
    await ports.write(HELP);
    return EXIT.ok;
  } catch (error) {
    return report(error, ports);
  }
}

/** What to type, where the error speaks of an option of the library. */
function withAdvice(error: unknown): unknown {
  if (!isBitcaskError(error) || error.code !== "BITCASK_NOT_FOUND") return error;
  const message = `there is no store in ${error.file}; --create makes one`;
  return new BitcaskError({ code: error.code, message, file: error.file, cause: error });
}

function report(error: unknown, ports: CliPorts): ExitCode {
  if (error instanceof OutputClosed) return EXIT.ok;
  if (error instanceof UsageError) {
    ports.writeError(`bitcask: ${error.message}\nTry: bitcask --help\n`);
    return EXIT.usage;
  }
  const message = error instanceof Error ? error.message : String(error);
  const known = error instanceof LoadError ? error.cause : error;
  const code = isBitcaskError(known) ? ` (${known.code})` : "";
  ports.writeError(`bitcask: ${message}${code}\n`);
  return isBitcaskError(known) && known.code === "BITCASK_LOCKED" ? EXIT.locked : EXIT.failed;
}
