/**
 * `titan-raft-wal verify <directory>` and `titan-raft-wal dump <directory> [--group <n>] [--data]`.
 *
 * Exit codes: 0 intact, 1 damaged, 2 not readable or not understood.
 */

import { describeDamage } from "./damage.js";
import { isRaftWalError } from "./errors.js";
import { type DumpedRecord, dumpWal, type VerifyReport, verifyWal } from "./inspect-log.js";
import type { FileSystem } from "./ports.js";
import type { WalRecord } from "./record.js";

const USAGE = `usage: titan-raft-wal verify <directory>
       titan-raft-wal dump <directory> [--group <n>] [--data]

verify  checks every checksum and that no entry is missing; exit 1 when something is damaged
dump    prints every record as a line of JSON; --data adds the entries' data in base64
`;

/** What the command needs of its process. */
export interface CommandPorts {
  readonly fileSystem: FileSystem;
  /** Resolves when more may be written. */
  readonly print: (text: string) => Promise<void>;
  readonly printError: (text: string) => Promise<void>;
}

/** @returns the exit code */
export async function runWalCommand(args: readonly string[], ports: CommandPorts): Promise<number> {
  const [command, directory, ...rest] = args;
  if (command === "--help" || command === "-h") {
    await ports.print(USAGE);
    return 0;
  }
  const options = parseOptions(rest);
  const isKnown = command === "verify" ? rest.length === 0 : command === "dump";
  if (directory === undefined || options === undefined || !isKnown) {
    await ports.printError(USAGE);
    return 2;
  }
  try {
    if (command === "verify") return await verify(directory, ports);
    await dump(directory, options, ports);
    return 0;
  } catch (error) {
    if (!isRaftWalError(error)) throw error;
    await ports.printError(`${error.code}: ${error.message}\n`);
    return error.code === "RAFT_WAL_DAMAGED" ? 1 : 2;
  }
}

interface DumpOptions {
  readonly group: number | undefined;
  readonly hasData: boolean;
}

function parseOptions(args: readonly string[]): DumpOptions | undefined {
  let group: number | undefined;
  let hasData = false;
  for (let at = 0; at < args.length; at += 1) {
    if (args[at] === "--data") hasData = true;
    else if (args[at] === "--group") {
      at += 1;
      group = Number(args[at]);
      if (!Number.isSafeInteger(group) || group < 1) return undefined;
    } else return undefined;
  }
  return { group, hasData };
}

async function verify(directory: string, ports: CommandPorts): Promise<number> {
  const report = await verifyWal(ports.fileSystem, directory);
  await ports.print(`${JSON.stringify(summaryOf(report))}\n`);
  if (report.isIntact) return 0;
  await ports.printError(`${describeDamage(report.damage)}\n`);
  return 1;
}

function summaryOf(report: VerifyReport): object {
  const { damage, ...rest } = report;
  return { ...rest, damagedRegions: damage.regions.length, lostRanges: damage.lost.length };
}

async function dump(directory: string, options: DumpOptions, ports: CommandPorts): Promise<void> {
  await dumpWal(ports.fileSystem, directory, async (item) => {
    if (options.group !== undefined && item.record.group !== options.group) return;
    await ports.print(`${JSON.stringify(lineOf(item, options.hasData))}\n`);
  });
}

function lineOf({ segment, offset, frame, record }: DumpedRecord, hasData: boolean): object {
  const { group, kind } = record;
  return { segment, offset, frame, group, kind, ...contentOf(record, hasData) };
}

function contentOf(record: WalRecord, hasData: boolean): object {
  switch (record.kind) {
    case "entries":
    case "relocated":
      return {
        entries: record.entries.map(({ index, term, type, data }) => ({
          index,
          term,
          type,
          bytes: data.length,
          ...(hasData ? { data: Buffer.from(data).toString("base64") } : {}),
        })),
      };
    case "snapshot":
    case "install":
      return { meta: record.snapshot.meta, bytes: record.snapshot.data.length };
    case "hard-state":
      return { hardState: record.hardState };
    case "compact":
      return { position: record.position };
    case "config":
      return { config: record.config };
    case "remove":
      return {};
  }
}
