/** The `bitcask` command in process, over a disk in memory. */
import { describe, expect, test } from "vitest";
import { runCli } from "../../src/cli/cli.js";
import { type CliPorts, OutputClosed } from "../../src/cli/ports.js";
import { Bitcask } from "../../src/index.js";
import { MemoryDisk } from "../../src/testing/index.js";
import {
  contentsOf,
  DIRECTORY,
  portsOver,
  read,
  SAMPLE_OPTIONS,
  sampleStore,
} from "../care/stores.js";

interface Ran {
  readonly code: number;
  readonly output: string;
  readonly bytes: Buffer;
  readonly errors: string;
}

/** Runs one command line over `machine`. */
async function run(
  machine: ReturnType<typeof portsOver>,
  argv: readonly string[],
  input: Uint8Array | string = "",
  overrides: Partial<CliPorts> = {},
): Promise<Ran> {
  const chunks: Buffer[] = [];
  let errors = "";
  const stdin = (async function* () {
    const bytes = Buffer.from(input as string);
    for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
  })();
  const code = await runCli(argv, {
    stdin,
    write: async (output) => void chunks.push(Buffer.from(output as string)),
    writeError: (text) => {
      errors += text;
    },
    openInput: () => stdin,
    writeFile: async () => undefined,
    environment: {},
    store: machine.ports,
    ...overrides,
  });
  expect(machine.fileSystem.openHandleCount).toBe(0);
  const bytes = Buffer.concat(chunks);
  return { code, bytes, output: bytes.toString(), errors };
}

describe("the bitcask command", () => {
  test("dumps entries as lines of JSON, and loads them again, bytes that are not UTF-8 included", async () => {
    const machine = portsOver(await sampleStore());
    const db = await Bitcask.open(DIRECTORY, { ports: machine.ports });
    await db.put(Uint8Array.of(0xff, 0x00), Uint8Array.of(0x80));
    await db.put("emoji ☃", "line\nbreak");
    const expected = await contentsOf(db);
    await db.close();
    const dump = await run(machine, ["dump", DIRECTORY]);
    expect(dump.code).toBe(0);
    const lines = dump.output.trimEnd().split("\n");
    expect(lines).toHaveLength(expected.size);
    expect(lines).toContain('{"key":"emoji ☃","value":"line\\nbreak"}');
    expect(lines).toContain('{"key":{"base64":"/wA="},"value":{"base64":"gA=="}}');
    expect(lines).toContain('{"key":"expires","value":"later","expiresAtMs":10000000000000}');

    const load = await run(machine, ["load", "/copy", "--create", "--batch", "5"], dump.output);
    expect(load.errors).toBe("");
    expect(load.output).toBe(
      `${expected.size} entries in ${Math.ceil(expected.size / 5)} batches\n`,
    );
    const copy = await Bitcask.open("/copy", { ports: machine.ports });
    expect(await contentsOf(copy)).toEqual(expected);
    expect(copy.getEntrySync("expires")?.expiresAtMs).toBe(10 ** 13);
    await copy.close();
    const some = await run(machine, ["dump", "/copy", "--prefix", "key-", "--limit", "2"]);
    expect(some.output.trimEnd().split("\n")).toHaveLength(2);
  });

  test("names the line that cannot be loaded; batches before it stay, nothing after", async () => {
    const good = (n: number) => `{"key":"k${n}","value":"v"}\n`;
    const bad = {
      "not JSON": "{oops\n",
      "no object": "[1]\n",
      "unknown field": '{"key":"a","value":"b","ttl":1}\n',
      "no value": '{"key":"a"}\n',
      "not base64": '{"key":"a","value":{"base64":"?"}}\n',
      expiresAtMs: '{"key":"a","value":"b","expiresAtMs":-1}\n',
    };
    for (const [why, line] of Object.entries(bad)) {
      const machine = portsOver(new MemoryDisk());
      const input = good(1) + good(2) + good(3) + line + good(5);
      const ran = await run(machine, ["load", DIRECTORY, "--create", "--batch", "2"], input);
      expect(ran.code, why).toBe(1);
      expect(ran.errors).toMatch(new RegExp(`^bitcask: line 4: .*${why}.*; lines 1-2 were loaded`));
      expect([...(await read(machine.fileSystem.snapshot())).keys()], why).toEqual(["k1", "k2"]);
    }
    const machine = portsOver(new MemoryDisk());
    const notText = Buffer.concat([Buffer.from(good(1)), Buffer.of(0xff, 10)]);
    const ran = await run(machine, ["load", DIRECTORY, "--create"], notText);
    expect(ran.errors).toContain("line 2: it is not UTF-8; nothing was loaded");
    const empty = await run(machine, ["load", DIRECTORY], '{"key":"","value":""}\n');
    expect(empty.errors).toContain("lines 1-1: a key has at least one byte");
    expect(empty.errors).toContain("BITCASK_KEY_EMPTY");
  });

  test("verifies and repairs, with exit codes that say what was found", async () => {
    const machine = portsOver(await sampleStore());
    const sound = await run(machine, ["verify", DIRECTORY]);
    expect(sound).toMatchObject({ code: 0, errors: "" });
    expect(sound.output).toContain("nothing is damaged");
    const { fileSystem } = machine;
    const path = fileSystem.paths().findLast((name) => name.endsWith(".data")) ?? "";
    fileSystem.flipBit(path, Buffer.from(fileSystem.contents(path)).indexOf("of all"), 0);
    const damaged = await run(machine, ["verify", DIRECTORY, "--json"]);
    expect(damaged.code).toBe(3);
    expect(JSON.parse(damaged.output)).toMatchObject({
      ok: false,
      damages: [{ kind: "data", file: path, lost: [{ key: "last" }] }],
    });
    const repaired = await run(machine, ["repair", DIRECTORY]);
    expect(repaired.code).toBe(3);
    expect(repaired.output).toContain('a value of "last"');
    expect(repaired.output).toContain("files moved to /data/store/damaged-1");
    expect((await run(machine, ["verify", DIRECTORY])).code).toBe(0);
    expect((await run(machine, ["repair", DIRECTORY])).output).toContain("nothing was changed");
  });

  test("shows figures, merges, and copies", async () => {
    const machine = portsOver(await sampleStore());
    const before = await read(machine.fileSystem.snapshot());
    const stats = JSON.parse((await run(machine, ["stat", DIRECTORY, "--json"])).output) as object;
    expect(stats).toMatchObject({ keys: before.size });
    expect((await run(machine, ["stat", DIRECTORY])).output).toContain("takes writes");
    expect((await run(machine, ["merge", DIRECTORY])).output).toMatch(/^\d+ files became \d+/);
    expect((await run(machine, ["checkpoint", DIRECTORY, "/cp"])).code).toBe(0);
    const backup = await run(machine, ["backup", DIRECTORY]);
    expect((await run(machine, ["restore", "-", "/back"], backup.bytes)).errors).toBe("");
    const disk = machine.fileSystem.snapshot();
    for (const copy of [DIRECTORY, "/cp", "/back"]) expect(await read(disk, copy)).toEqual(before);
    const again = await run(machine, ["restore", "-", "/back"], backup.bytes);
    expect(again).toMatchObject({ code: 1, output: "" });
    expect(again.errors).toContain("BITCASK_TARGET_NOT_EMPTY");
  });

  test("reads beside a writer, and says who holds the store when it must write", async () => {
    const { ports, fileSystem } = portsOver(await sampleStore());
    const db = await Bitcask.open(DIRECTORY, { ...SAMPLE_OPTIONS, ports });
    const errors: string[] = [];
    const codes = async (...argv: string[]) => {
      const write = async () => undefined;
      const writeError = (text: string) => void errors.push(text);
      const stdin = (async function* (): AsyncGenerator<Uint8Array> {})();
      const rest = { openInput: () => stdin, writeFile: async () => undefined, environment: {} };
      return runCli(argv, { stdin, write, writeError, ...rest, store: ports });
    };
    for (const command of ["stat", "verify", "dump", "backup"]) {
      expect(await codes(command, DIRECTORY), command).toBe(0);
    }
    for (const command of ["merge", "repair", "load"]) {
      expect(await codes(command, DIRECTORY), command).toBe(4);
    }
    expect(errors.join("")).toContain("process 1 on test-host");
    await db.close();
    expect(fileSystem.openHandleCount).toBe(0);
  });

  test("refuses wrong command lines before it touches anything", async () => {
    const wrong = [
      [],
      ["explode", DIRECTORY],
      ["constructor", DIRECTORY],
      ["verify"],
      ["verify", ""],
      ["verify", DIRECTORY, "more"],
      ["verify", DIRECTORY, "--limit", "3"],
      ["dump", DIRECTORY, "--limit", "-1"],
      ["dump", DIRECTORY, "--limit", "x"],
      ["load", DIRECTORY, "--batch", "0"],
      ["stat", DIRECTORY, "--nonsense"],
      ["checkpoint", DIRECTORY],
    ];
    for (const argv of wrong) {
      const machine = portsOver(new MemoryDisk());
      const ran = await run(machine, argv);
      expect(ran.code, argv.join(" ")).toBe(2);
      expect(ran.errors).toContain("bitcask --help");
      expect(machine.fileSystem.operationCount, argv.join(" ")).toBe(0);
    }
  });

  test("makes no store by mistake", async () => {
    const machine = portsOver(new MemoryDisk());
    for (const command of ["stat", "verify", "repair", "merge", "dump", "load", "backup"]) {
      const ran = await run(machine, [command, "/nowhere"]);
      expect(ran.code, command).toBe(1);
      expect(ran.errors, command).toContain("BITCASK_NOT_FOUND");
    }
    expect(await machine.fileSystem.stat("/nowhere")).toBeUndefined();
  });

  test("prints its help, and ends quietly when nobody reads on", async () => {
    const machine = portsOver(await sampleStore());
    for (const argv of [["--help"], ["help"], ["dump", "-h"]]) {
      const help = await run(machine, argv);
      expect(help.code).toBe(0);
      expect(help.output).toContain("Usage: bitcask");
    }
    const write = async () => {
      throw new OutputClosed("gone");
    };
    const ran = await run(machine, ["dump", DIRECTORY], "", { write });
    expect(ran).toMatchObject({ code: 0, errors: "" });
  });

  test("takes encryption keys from files and the environment, in three spellings", async () => {
    const machine = portsOver(new MemoryDisk());
    const [one, two] = [Buffer.alloc(32, "one"), Buffer.alloc(32, "two")];
    const files: Record<string, Buffer> = {
      raw: one,
      hex: Buffer.from(`${one.toString("hex")}\n`),
      base64: Buffer.from(`  ${two.toString("base64")}\n`),
      short: Buffer.alloc(31),
    };
    const openInput = async function* (path: string): AsyncGenerator<Uint8Array> {
      const bytes = files[path];
      if (bytes === undefined) throw new Error(`no such file: ${path}`);
      yield bytes;
    };
    const withKeys = (argv: readonly string[], keys = "") =>
      run(machine, argv, "", { openInput, environment: { BITCASK_KEYS: keys } });
    const db = await Bitcask.open(DIRECTORY, {
      encryption: { keyId: 1, key: one },
      ports: machine.ports,
    });
    await db.put("a", "1");
    await db.close();

    expect((await withKeys(["stat", DIRECTORY])).errors).toContain("ENCRYPTION_KEY_MISSING");
    for (const name of ["raw", "hex", "1=raw"]) {
      expect((await withKeys(["dump", DIRECTORY, "--key-file", name])).code).toBe(0);
    }
    const fromEnvironment = await withKeys(["verify", DIRECTORY], one.toString("base64"));
    expect(fromEnvironment.output).toContain("nothing is damaged");
    const rotation = ["--key-file", "raw", "--key-file", "2=base64"];
    expect((await withKeys(["merge", DIRECTORY, ...rotation])).code).toBe(0);
    const stat = await withKeys(["stat", DIRECTORY], `2=${two.toString("hex")}`);
    expect(stat.output).toContain("encrypted with key 2");
    expect(stat.output).not.toContain("encrypted with key 1");

    for (const argv of [
      ["--key-file", "short"],
      ["--key-file", "missing"],
      ["--key-file", "0=raw"],
      ["--key-file", "raw", "--key-file", "1=hex"],
    ]) {
      expect((await withKeys(["stat", DIRECTORY, ...argv])).code, argv.join(" ")).toBe(2);
    }
    const secret = "ab".repeat(31);
    const refused = await withKeys(["stat", DIRECTORY], secret);
    expect(refused.code).toBe(2);
    expect(refused.errors).not.toContain(secret);
  });

  test("merges what has dead bytes, and everything when asked to", async () => {
    const machine = portsOver(await sampleStore());
    await run(machine, ["merge", DIRECTORY]);
    expect((await run(machine, ["merge", DIRECTORY])).output).toContain("0 files became 0");
    const all = await run(machine, ["merge", DIRECTORY, "--all"]);
    expect(all.output).not.toContain("0 files became");
    expect((await run(machine, ["verify", DIRECTORY])).code).toBe(0);
  });
});
