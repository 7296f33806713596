/** Reads settings from flags, environment and a config file, in this order of precedence. */
import { ConfigError, didYouMean } from "./config-error.js";
import { parseFlags } from "./flags.js";
import {
  flagOf,
  SETTING_NAMES,
  type SettingName,
  type Settings,
  settingsSchema,
  variableOf,
} from "./settings.js";
import { settingsConflict } from "./settings-conflict.js";

/** What the command line asks for. */
export type Command =
  | ServeCommand
  | { readonly type: "print-config"; readonly settings: Settings }
  | { readonly type: "help" }
  | { readonly type: "version" };

/** Serve with these settings. `warnings` are for whoever started the server. */
export interface ServeCommand {
  readonly type: "serve";
  readonly settings: Settings;
  readonly warnings: readonly string[];
}

/** What the outside world gives. */
export interface ConfigInput {
  /** Without the node executable and the script. */
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Reads a text file; throws when it cannot. */
  readonly readFile: (path: string) => string;
}

/** A value before it is checked, and where it comes from. */
interface Given {
  readonly value: unknown;
  readonly source: string;
}

const CONFIG_VARIABLE = "TITAN_CONFIG";

/** @throws ConfigError for anything that is not understood, naming the setting and its source */
export function loadConfig(input: ConfigInput): Command {
  const { switches, values, configFile } = parseFlags(input.arguments);
  if (switches.has("help")) return { type: "help" };
  if (switches.has("version")) return { type: "version" };

  const given = new Map<SettingName, Given>();
  const file = configFile ?? input.environment[CONFIG_VARIABLE];
  if (file !== undefined && file !== "") {
    for (const [name, value] of readConfigFile(file, input.readFile)) {
      given.set(name, { value, source: `${name} in ${file}` });
    }
  }
  for (const name of SETTING_NAMES) {
    const variable = variableOf(name);
    const value = input.environment[variable];
    // An empty variable is how many tools say "not set".
    if (value !== undefined && value !== "") given.set(name, { value, source: variable });
  }
  for (const [name, value] of values) given.set(name, { value, source: flagOf(name) });

  const settings = check(given);
  if (switches.has("print-config")) return { type: "print-config", settings };
  return { type: "serve", settings, warnings: misspeltVariables(input.environment) };
}

function check(given: ReadonlyMap<SettingName, Given>): Settings {
  const values = Object.fromEntries([...given].map(([name, { value }]) => [name, value]));
  const result = settingsSchema.safeParse(values);
  if (result.success) {
    const problem = settingsConflict(result.data);
    if (problem !== undefined) throw new ConfigError(problem);
    return result.data;
  }
  const problems = result.error.issues.map((issue) => {
    const name = issue.path[0] as SettingName;
    const { value, source } = given.get(name) ?? { value: undefined, source: name };
    // Of a list only the entry that is wrong.
    const at = issue.path[1];
    const part = Array.isArray(value) && typeof at === "number" ? value[at] : value;
    return `${source}: ${JSON.stringify(part)}: ${issue.message}`;
  });
  throw new ConfigError(problems.join("\n"));
}

function readConfigFile(
  file: string,
  readFile: (path: string) => string,
): readonly (readonly [SettingName, unknown])[] {
  let content: unknown;
  try {
    content = JSON.parse(readFile(file));
  } catch (error) {
    const why = error instanceof Error ? error.message : "unreadable";
    const what = error instanceof SyntaxError ? "is not JSON" : "cannot be read";
    throw new ConfigError(`config file ${file} ${what}: ${why}`, { cause: error });
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new ConfigError(`config file ${file}: expected an object of settings`);
  }
  return Object.entries(content).map(([key, value]) => {
    const name = SETTING_NAMES.find((candidate) => candidate === key);
    if (name !== undefined) return [name, value] as const;
    throw new ConfigError(
      `config file ${file}: there is no setting "${key}"${didYouMean(key, SETTING_NAMES)}`,
    );
  });
}

/**
 * Other programs use TITAN_ variables too (Kubernetes makes TITAN_PORT for a service named titan), so
 * unknown ones are no error; one that is nearly ours deserves a word.
 */
function misspeltVariables(environment: ConfigInput["environment"]): string[] {
  const known = [...SETTING_NAMES.map(variableOf), CONFIG_VARIABLE];
  return Object.keys(environment)
    .filter((name) => name.startsWith("TITAN_") && !known.includes(name))
    .map((name) => ({ name, hint: didYouMean(name, known) }))
    .filter(({ hint }) => hint !== "")
    .map(({ name, hint }) => `environment variable ${name} is not a setting${hint}`);
}
