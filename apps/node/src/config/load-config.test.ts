import { expect, test } from "vitest";
import { helpText } from "./help.js";
import { type Command, type ConfigInput, loadConfig } from "./load-config.js";
import { flagOf, SETTING_NAMES, settingsSchema, variableOf } from "./settings.js";

function load(args: string[], more: Partial<ConfigInput> & { files?: object } = {}): Command {
  const files = new Map(Object.entries(more.files ?? {}));
  return loadConfig({
    arguments: args,
    environment: more.environment ?? {},
    readFile: (path) => {
      const content: unknown = files.get(path);
      if (content === undefined) throw new Error(`ENOENT: ${path}`);
      return typeof content === "string" ? content : JSON.stringify(content);
    },
  });
}

function settings(...given: Parameters<typeof load>) {
  const command = load(...given);
  if (command.type !== "serve") throw new Error(command.type);
  return command.settings;
}

test("without anything given, the documented defaults hold", () => {
  expect(settings([])).toMatchObject({ grpcAddr: "127.0.0.1:7420", dataDir: "./data" });
});

test("a flag wins over the environment, the environment over the file, the file over defaults", () => {
  const files = { f: { sync: "never", maxKeyBytes: 1, maxValueBytes: 1, dataDir: "from-file" } };
  const environment = { TITAN_SYNC: "interval", TITAN_MAX_KEY_BYTES: "2", TITAN_CONFIG: "f" };
  const found = settings(["--sync=always", "--max-concurrent-scans", "3"], { files, environment });
  expect(found).toMatchObject({
    ...{ sync: "always", maxKeyBytes: 2, maxValueBytes: 1, dataDir: "from-file" },
    maxConcurrentScans: 3,
  });
});

test("--config wins over TITAN_CONFIG; an empty variable is not set", () => {
  const files = { a: { sync: "never" }, b: { sync: "interval" } };
  const environment = { TITAN_CONFIG: "a", TITAN_SYNC: "" };
  expect(settings(["--config", "b"], { files, environment }).sync).toBe("interval");
});

test.each([
  ["64KiB", 65_536],
  ["2MiB", 2_097_152],
  ["100", 100],
  ["7B", 7],
])("a size of %s is %i bytes", (text, bytes) => {
  expect(settings(["--scan-page-bytes", text]).scanPageBytes).toBe(bytes);
});

test("times have units", () => {
  expect(settings(["--shutdown-timeout", "2m"]).shutdownTimeout).toBe(120_000);
  expect(
    settings([], { files: { f: { shutdownTimeout: 5 } }, environment: { TITAN_CONFIG: "f" } }),
  ).toMatchObject({ shutdownTimeout: 5 });
});

test.each([
  [["--grcp-addr", "x"], 'unknown flag --grcp-addr; did you mean "--grpc-addr"?'],
  [["--wholly-unknown-thing"], "unknown flag --wholly-unknown-thing"],
  [["data"], 'unexpected argument "data"'],
  [["--data-dir"], "--data-dir needs a value"],
  [["--data-dir", "--sync"], "--data-dir needs a value"],
  [["--sync", "always", "--sync", "never"], "--sync is given twice"],
  [["--help=yes"], "--help takes no value"],
  [["--sync", "sometimes"], '--sync: "sometimes": expected one of always, interval, never'],
  [["--grpc-addr", "localhost"], '--grpc-addr: "localhost": expected HOST:PORT'],
  [["--grpc-addr", "h:70000"], '--grpc-addr: "h:70000": expected HOST:PORT'],
  [["--max-value-bytes", "12parsecs"], '--max-value-bytes: "12parsecs": expected 1 to'],
  [["--max-value-bytes", "1e3"], "--max-value-bytes"],
  [["--shutdown-timeout", "10"], "--shutdown-timeout"],
  [["--max-value-bytes", "32MiB"], "maxBatchBytes"],
  [["--node-id", "Not Valid"], "--node-id"],
  [["--config", "missing"], "config file missing cannot be read: ENOENT"],
])("%j is refused", (args, message) => {
  expect(() => load(args)).toThrow(message);
});

test("the source of a wrong value is named, whether variable or file", () => {
  expect(() => load([], { environment: { TITAN_SYNC: "x" } })).toThrow('TITAN_SYNC: "x"');
  const files = { f: { sync: 1 }, g: { sinc: "never" }, h: "{", i: [] };
  const from = (file: string) => () => load(["--config", file], { files });
  expect(from("f")).toThrow("sync in f: 1");
  expect(from("g")).toThrow('there is no setting "sinc"; did you mean "sync"?');
  expect(from("h")).toThrow("config file h is not JSON");
  expect(from("i")).toThrow("expected an object");
});

test("all wrong values are named at once", () => {
  expect(() => load(["--sync", "x", "--log-level", "y"])).toThrow(/--sync.*\n.*--log-level/);
});

test("a misspelt variable is warned about, another program's is not", () => {
  const environment = { TITAN_GRPC_ADR: "x", TITAN_PORT_7420_TCP_PROTO: "tcp", TITAN_SEED: "1" };
  const command = load([], { environment });
  expect(command).toMatchObject({
    warnings: [
      'environment variable TITAN_GRPC_ADR is not a setting; did you mean "TITAN_GRPC_ADDR"?',
    ],
  });
});

test("--help names every setting, its variable and every exit code", () => {
  const help = helpText();
  for (const name of SETTING_NAMES) {
    expect(help).toContain(`${flagOf(name)} `);
    expect(help).toContain(variableOf(name));
  }
  for (const word of ["--config", "--print-config", "--version", "130", "143"]) {
    expect(help).toContain(word);
  }
  expect(Object.keys(settingsSchema.shape).sort()).toEqual([...SETTING_NAMES].sort());
});

test("--help and --version win over other flags", () => {
  expect(load(["--sync", "x", "--help"])).toEqual({ type: "help" });
  expect(load(["--version"])).toEqual({ type: "version" });
});
