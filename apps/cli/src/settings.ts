/** What applies to every command: where to, how long, how to read arguments and print answers. */
import { type Command, Option } from "commander";
import { parseDuration } from "./duration.js";
import { ENCODINGS, type Encoding, type Encodings } from "./encoding.js";
import { UsageError } from "./usage-error.js";

export interface Settings {
  /** `host:port` of servers. Not empty. */
  readonly endpoints: readonly string[];
  readonly timeoutMs: number;
  readonly json: boolean;
  /** `undefined`: the default one. */
  readonly keyspace: string | undefined;
  /** `undefined`: as the environment and the terminal say. */
  readonly color: boolean | undefined;
  readonly encodings: Encodings;
}

export const DEFAULT_ENDPOINT = "127.0.0.1:7420";
const DEFAULT_TIMEOUT_MS = 5_000;
/** A day: well below what timers can hold. */
const MAX_TIMEOUT_MS = 86_400_000;

/** Settings before any option is looked at. */
export function initialSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const named = splitEndpoints(env["TITAN_ENDPOINTS"] ?? "");
  return {
    endpoints: named.length === 0 ? [DEFAULT_ENDPOINT] : named,
    timeoutMs: DEFAULT_TIMEOUT_MS,
    json: false,
    keyspace: undefined,
    color: undefined,
    encodings: { key: "utf8", value: "utf8" },
  };
}

interface Flags {
  readonly endpoints?: readonly string[];
  readonly timeout?: number;
  readonly json?: true;
  readonly keyspace?: string;
  readonly color?: boolean;
  readonly hex?: true;
  readonly base64?: true;
  readonly keyEncoding?: Encoding;
  readonly valueEncoding?: Encoding;
}

/** Declares the options that fit any command. */
export function declareSettings(program: Command): void {
  program
    .option("--timeout <duration>", "give up after so long (default: 5s)", (text) =>
      parseDuration(text, "--timeout", MAX_TIMEOUT_MS),
    )
    .option("--keyspace <name>", "work on the keys of this keyspace (default: default)", (name) => {
      if (name === "") throw new UsageError("--keyspace takes the name of a keyspace");
      return name;
    })
    .option("--json", "print one JSON object per line, errors too")
    .option("--hex", "keys and values are hex, in arguments and in text output")
    .option("--base64", "the same with base64")
    .addOption(
      new Option("--key-encoding <encoding>", "the same for keys alone").choices(ENCODINGS),
    )
    .addOption(
      new Option("--value-encoding <encoding>", "the same for values alone").choices(ENCODINGS),
    );
}

/** Declares the options that only make sense once per run. */
export function declareRunSettings(program: Command): void {
  program
    .option(
      "--endpoint, --endpoints <addresses>",
      `host:port, several with commas (default: $TITAN_ENDPOINTS or ${DEFAULT_ENDPOINT})`,
      (text, previous: readonly string[] | undefined) => {
        const named = splitEndpoints(text);
        if (named.length === 0) throw new UsageError("--endpoint takes host:port");
        return [...(previous ?? []), ...named];
      },
    )
    .option("--color", "colour the output even where it is not a terminal")
    .option("--no-color", "do not colour the output (as NO_COLOR=1 does)");
}

/** `base` with what the options of a parsed command line change. */
export function applyFlags(base: Settings, flags: Flags): Settings {
  if (flags.hex && flags.base64) throw new UsageError("give --hex or --base64, not both");
  const both = flags.hex ? "hex" : flags.base64 ? "base64" : undefined;
  return {
    endpoints: flags.endpoints ?? base.endpoints,
    timeoutMs: flags.timeout ?? base.timeoutMs,
    json: flags.json ?? base.json,
    keyspace: flags.keyspace ?? base.keyspace,
    color: flags.color ?? base.color,
    encodings: {
      key: flags.keyEncoding ?? both ?? base.encodings.key,
      value: flags.valueEncoding ?? both ?? base.encodings.value,
    },
  };
}

function splitEndpoints(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
