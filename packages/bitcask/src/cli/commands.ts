/** What each command does. Commands that only read work beside a process that has the store open. */
import { Bitcask } from "../bitcask.js";
import { repair } from "../care/repair.js";
import { restore } from "../care/restore.js";
import { verify } from "../care/verify.js";
import type { BitcaskOptions } from "../options.js";
import { describeRepair, describeStats, describeVerification, toJson } from "./describe.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { readKeys } from "./keys.js";
import { load } from "./load.js";
import { formatLine } from "./ndjson.js";
import type { CliPorts } from "./ports.js";
import type { CommandLine } from "./usage.js";

/** Characters of output that are collected before they are written. */
const OUTPUT_CHARACTERS = 64 * 1024;

export type Command = (line: CommandLine, ports: CliPorts) => Promise<ExitCode>;

/** Largest keys and values of any store: the command does not know what its owner allows. */
const LIMITS: BitcaskOptions = { maxKeyBytes: 131_071, maxValueBytes: 1024 * 1024 * 1024 };

export const COMMANDS: Readonly<Record<string, Command>> = {
  async stat(line, ports) {
    const stats = await reading(line, ports, async (db) => db.stats());
    return print(line, ports, stats, describeStats(stats));
  },

  async verify(line, ports) {
    const encryption = await readKeys(line.keyFiles, ports);
    const report = await verify(directoryOf(line), { encryption, ports: ports.store });
    await print(line, ports, report, describeVerification(report));
    return report.ok ? EXIT.ok : EXIT.damaged;
  },

  async repair(line, ports) {
    const encryption = await readKeys(line.keyFiles, ports);
    const report = await repair(directoryOf(line), { encryption, ports: ports.store });
    await print(line, ports, report, describeRepair(report));
    const isLossless = report.found.damages.every(({ kind }) => kind === "hint");
    return isLossless && report.found.moreDamages === 0 ? EXIT.ok : EXIT.damaged;
  },

  async merge(line, ports) {
    const result = await writing(line, ports, async (db) => db.merge({ all: line.mergesAll }));
    const { filesMerged, filesCreated, bytesReclaimed } = result;
    const text = `${filesMerged} files became ${filesCreated}, ${bytesReclaimed} bytes less\n`;
    return print(line, ports, result, text);
  },

  async dump(line, ports) {
    await reading(line, ports, async (db) => {
      const { prefix, limit } = line;
      let output = "";
      for await (const entry of db.entries({ prefix, limit })) {
        output += formatLine(entry);
        if (output.length < OUTPUT_CHARACTERS) continue;
        await ports.write(output);
        output = "";
      }
      await ports.write(output);
    });
    return EXIT.ok;
  },

  async load(line, ports) {
    const file = line.arguments[1] ?? "-";
    const source = file === "-" ? ports.stdin : ports.openInput(file);
    const result = await writing(line, ports, async (db) => load(db, source, line.batchLines));
    return print(line, ports, result, `${result.entries} entries in ${result.batches} batches\n`);
  },

  async checkpoint(line, ports) {
    const target = line.arguments[1] ?? "";
    const report = await writing(line, ports, async (db) => db.checkpoint(target));
    const text = `${report.files} files, ${report.bytes} bytes, ${report.copiedBytes} of them copied\n`;
    return print(line, ports, report, text);
  },

  async backup(line, ports) {
    const file = line.arguments[1] ?? "-";
    await reading(line, ports, async (db) => {
      if (file !== "-") return ports.writeFile(file, db.backup());
      for await (const chunk of db.backup()) await ports.write(chunk);
    });
    return file === "-" ? EXIT.ok : print(line, ports, { file }, `written to ${file}\n`);
  },

  async restore(line, ports) {
    const [file = "-", directory = ""] = line.arguments;
    const source = file === "-" ? ports.stdin : ports.openInput(file);
    const report = await restore(source, directory, { ports: ports.store });
    const madeAt = new Date(report.createdAtMs).toISOString();
    const text = `${report.files} files, ${report.bytes} bytes, as of ${madeAt}\n`;
    return print(line, ports, report, text);
  },
};

function directoryOf({ arguments: [directory = ""] }: CommandLine): string {
  return directory;
}

async function reading<T>(
  line: CommandLine,
  ports: CliPorts,
  work: (db: Bitcask) => Promise<T>,
): Promise<T> {
  const encryption = await readKeys(line.keyFiles, ports);
  const options = { ...LIMITS, encryption, ports: ports.store };
  return closing(await Bitcask.openReadOnly(directoryOf(line), options), work);
}

async function writing<T>(
  line: CommandLine,
  ports: CliPorts,
  work: (db: Bitcask) => Promise<T>,
): Promise<T> {
  const createIfMissing = line.mayCreate;
  const encryption = await readKeys(line.keyFiles, ports);
  const common = { ...LIMITS, encryption, ports: ports.store };
  const options = { ...common, createIfMissing, autoMerge: false };
  return closing(await Bitcask.open(directoryOf(line), options), work);
}

async function closing<T>(db: Bitcask, work: (db: Bitcask) => Promise<T>): Promise<T> {
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

async function print(
  line: CommandLine,
  ports: CliPorts,
  result: unknown,
  text: string,
): Promise<ExitCode> {
  await ports.write(line.isJson ? toJson(result) : text);
  return EXIT.ok;
}
