/** What `--help` prints, made from the settings themselves. */
import { EXIT_CODES } from "../exit-code.js";
import {
  flagOf,
  SETTING_HELP,
  SETTING_NAMES,
  type SettingName,
  type Settings,
  settingsSchema,
  variableOf,
} from "./settings.js";

const WIDTH = 80;
const INDENT = "      ";
const DURATIONS: ReadonlySet<string> = new Set([
  "syncInterval",
  "requestTimeout",
  "shutdownTimeout",
]);

/** The whole help text. */
export function helpText(): string {
  const defaults = settingsSchema.parse({});
  const lines = [
    "titan-node: a durable, replicated key-value store over gRPC",
    "",
    "Usage: titan-node [flags]",
    "       titan-node dev [flags]   a cluster on this machine, in one terminal; see titan-node dev --help",
    "",
    "Each setting is a flag, an environment variable or a key in a JSON file; a flag wins over the",
    "environment, the environment over the file. Sizes take KiB, MiB, GiB; times take ms, s, m, h.",
  ];
  let group = "";
  for (const name of SETTING_NAMES) {
    const help = SETTING_HELP[name];
    if (help.group !== group) {
      group = help.group;
      lines.push("", `${group}:`);
    }
    const value = defaults[name];
    const standard = hasDefault(value) ? ` [default: ${shown(name, value)}]` : "";
    const placeholder = help.placeholder === "" ? "" : ` ${help.placeholder}`;
    lines.push(`  ${flagOf(name)}${placeholder}   (${variableOf(name)})`);
    lines.push(...wrap(`${help.text}${standard}`));
  }
  lines.push("", "Other:");
  lines.push(
    "  --config FILE   (TITAN_CONFIG)",
    ...wrap("JSON file of settings, keys in camelCase."),
  );
  lines.push("  --print-config", ...wrap("Print the settings that result, as JSON, and stop."));
  lines.push("  --version, -v   print the version");
  lines.push("  --help, -h      print this");
  lines.push("", "Exit codes:");
  for (const { code, meaning } of EXIT_CODES) lines.push(`  ${String(code).padEnd(4)} ${meaning}`);
  lines.push("", "SIGINT or SIGTERM stops it gracefully; a second one at once.");
  return `${lines.join("\n")}\n`;
}

/** Whether there is anything to show: what is off, empty or none says so by itself. */
function hasDefault(value: Settings[SettingName]): value is string | number {
  return typeof value === "number" || (typeof value === "string" && value !== "");
}

function shown(name: string, value: string | number): string {
  if (typeof value === "string") return value;
  if (name === "replaceAfter") return `${value / 60_000}m`;
  if (DURATIONS.has(name)) return `${value}ms`;
  if (name.endsWith("Bytes") && value % 1024 === 0) {
    return value % 1024 ** 2 === 0 ? `${value / 1024 ** 2}MiB` : `${value / 1024}KiB`;
  }
  return String(value);
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && INDENT.length + line.length + 1 + word.length > WIDTH) {
      lines.push(INDENT + line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, INDENT + line];
}
