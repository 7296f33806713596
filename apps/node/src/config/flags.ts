/**
 * Splits a command line into settings and switches. `--name value` and `--name=value` are the same; what is on or
 * off takes a value in the second form only.
 */
import { ConfigError, didYouMean } from "./config-error.js";
import { flagOf, LIST_NAMES, ON_OFF_NAMES, SETTING_NAMES, type SettingName } from "./settings.js";

/** Flags without a value. */
export type Switch = "help" | "version" | "print-config";

/** A command line taken apart; values are not checked yet. */
export interface Flags {
  readonly switches: ReadonlySet<Switch>;
  readonly values: ReadonlyMap<SettingName, string>;
  readonly configFile: string | undefined;
}

const SWITCHES: ReadonlyMap<string, Switch> = new Map([
  ["--help", "help"],
  ["-h", "help"],
  ["--version", "version"],
  ["-v", "version"],
  ["--print-config", "print-config"],
]);
const CONFIG_FLAG = "--config";
const SETTINGS: ReadonlyMap<string, SettingName> = new Map(
  SETTING_NAMES.map((name) => [flagOf(name), name]),
);
const ALL_FLAGS = [...SETTINGS.keys(), ...SWITCHES.keys(), CONFIG_FLAG];

/** @throws ConfigError for unknown flags, flags given twice, missing and superfluous values */
export function parseFlags(args: readonly string[]): Flags {
  const switches = new Set<Switch>();
  const values = new Map<SettingName, string>();
  let configFile: string | undefined;
  const queue = [...args];
  for (let argument = queue.shift(); argument !== undefined; argument = queue.shift()) {
    if (!argument.startsWith("-")) {
      throw new ConfigError(`unexpected argument "${argument}"; settings are given as flags`);
    }
    const [flag, inline] = splitOnce(argument);
    const found = SWITCHES.get(flag);
    if (found !== undefined) {
      if (inline !== undefined) throw new ConfigError(`${flag} takes no value`);
      switches.add(found);
      continue;
    }
    const name = SETTINGS.get(flag);
    if (name === undefined && flag !== CONFIG_FLAG) {
      throw new ConfigError(`unknown flag ${flag}${didYouMean(flag, ALL_FLAGS)}`);
    }
    const isOnOff = name !== undefined && ON_OFF_NAMES.has(name);
    const value = inline ?? (isOnOff ? "true" : queue.shift());
    if (value === undefined || (inline === undefined && value.startsWith("--"))) {
      throw new ConfigError(`${flag} needs a value`);
    }
    const before = name === undefined ? configFile : values.get(name);
    const isList = name !== undefined && LIST_NAMES.has(name);
    if (before !== undefined && !isList) throw new ConfigError(`${flag} is given twice`);
    if (name === undefined) configFile = value;
    else values.set(name, before === undefined ? value : `${before},${value}`);
  }
  return { switches, values, configFile };
}

function splitOnce(argument: string): readonly [string, string | undefined] {
  const at = argument.indexOf("=");
  return at < 0 ? [argument, undefined] : [argument.slice(0, at), argument.slice(at + 1)];
}
