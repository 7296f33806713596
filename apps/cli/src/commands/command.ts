/** What every command is made of. */
import type { Command } from "commander";
import { decodeArgument, type Encodings } from "../encoding.js";
import { type Inputs, readValue } from "../input.js";
import { checkKey } from "../key.js";
import type { CliPorts } from "../ports.js";
import type { ByteClient, Report } from "../report.js";
import { UsageError } from "../usage-error.js";

/** What commands ask of the outside world beside the client and the inputs. */
type WorkPorts = Pick<CliPorts, "clock" | "random" | "createFile" | "onSignal" | "runProcess">;

/** What a command works with. */
export interface CommandContext {
  readonly client: ByteClient;
  /** The servers that were named, or the default. Not empty. */
  readonly endpoints: readonly string[];
  readonly inputs: Inputs;
  readonly ports: WorkPorts;
  readonly encodings: Encodings;
  /** Bounds of each call. `signal` fires on Ctrl-C and when nobody reads the output any more. */
  readonly call: { readonly timeoutMs: number; readonly signal: AbortSignal };
}

/** A command with its arguments, ready to run. Fails with UsageError or what the client throws. */
export type Work = (context: CommandContext) => AsyncIterable<Report>;

/** Where a command line comes from, and where the work it asks for goes. */
export interface Grammar {
  /** In the shell `-` is a value like any other, because standard input holds the commands. */
  readonly isShell: boolean;
  /** Takes the work that a parsed line asks for. */
  readonly submit: (work: Work) => void;
  /** Takes text that is all there is to say, without a server. */
  readonly print: (text: string) => void;
}

/** Declares a command on `parent`. */
export type Register = (parent: Command, grammar: Grammar) => void;

/** A key from an argument. @throws UsageError when it cannot be one or is not in its encoding */
export function toKey(text: string, { encodings }: CommandContext): Uint8Array {
  return checkKey(decodeArgument(text, encodings.key, "key"));
}

/** Where a value comes from: an argument, standard input or a file. */
export interface ValueSource {
  readonly argument: string | undefined;
  readonly file: string | undefined;
}

/**
 * The value that `source` names. What is read from standard input or a file is taken as it is, whatever
 * the encoding of arguments.
 */
export async function toValue(
  { argument, file }: ValueSource,
  context: CommandContext,
  { isShell }: Pick<Grammar, "isShell">,
): Promise<Uint8Array> {
  const { inputs, call, encodings } = context;
  if (file !== undefined) {
    if (argument !== undefined) throw new UsageError("give a value or --file, not both");
    return readValue(inputs, file, call.signal);
  }
  if (argument === undefined) {
    const stdin = isShell ? "" : ", or - to read it from standard input";
    throw new UsageError(
      `the value is missing; give one ("" for an empty one), or --file <path>${stdin}`,
    );
  }
  if (argument === "-" && !isShell) return readValue(inputs, "-", call.signal);
  return decodeArgument(argument, encodings.value, "value");
}
