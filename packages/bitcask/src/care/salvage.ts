/** Copies what is intact in a damaged data file to a new one, sequence numbers and deletions included. */
import type { DataFile } from "../data-file.js";
import { BitcaskError } from "../errors.js";
import { MergeOutput, type MergeOutputIdentity } from "../merge-output.js";
import type { FileSystem } from "../ports.js";
import { CONTROL, TOMBSTONE } from "../record-format.js";
import { everyMegabyte, type RecordVisitor, scanRecords } from "../record-scanner.js";
import type { ByteRange } from "./record-walk.js";
import type { ExaminedFile } from "./store-examination.js";

export interface SalvagedFile {
  /** `undefined`: there was nothing to keep. */
  readonly created: DataFile | undefined;
  readonly recordsKept: number;
  /** Takes back what was written. */
  abandon(): Promise<void>;
}

/**
 * Writes the file under its final name, synced; the name is durable after a sync of the directory.
 * Batches lose their marks: only whole ones are copied, and the new file counts as a whole or not at all.
 */
export async function salvageFile(
  fileSystem: FileSystem,
  directory: string,
  examined: ExaminedFile,
  identity: MergeOutputIdentity,
): Promise<SalvagedFile> {
  const { member, examination, range } = examined;
  const output = new MergeOutput(fileSystem, directory, identity);
  let recordsKept = 0;
  const visit: RecordVisitor = (header, buffer, at) => {
    if (header.flags & CONTROL) return; // Time floors go to the manifest.
    const keyStart = at + header.keyStart;
    const valueStart = keyStart + header.keySize;
    const isDeletion = (header.flags & TOMBSTONE) !== 0;
    const content = {
      key: buffer.subarray(keyStart, valueStart),
      value: isDeletion ? undefined : buffer.subarray(valueStart, valueStart + header.valueSize),
      expiresAt: header.expiresAt,
    };
    output.add(content, header.sequence, header.flags);
    recordsKept += 1;
  };
  try {
    if (examined.salt !== undefined) {
      const handle = await fileSystem.open(member.path, "read");
      try {
        const { salt, cipher } = examined;
        const source = { handle, salt, cipher, path: member.path };
        for (const { from, to } of goodRanges(range, examination.badRanges)) {
          const flushing = everyMegabyte(() => output.flushIfLarge());
          const stop = await scanRecords(source, from, to, visit, flushing);
          if (stop.fault !== undefined) throw changed(member.path, stop.offset);
        }
      } finally {
        await handle.close();
      }
      for (const { key, sequence } of examination.knownDeletions) {
        output.add({ key, value: undefined, expiresAt: 0 }, sequence, 0);
      }
    }
    const created = await output.finish();
    await created?.handle?.close();
    return { created, recordsKept, abandon: () => output.abandon() };
  } catch (error) {
    await output.abandon();
    throw error;
  }
}

/** What is left of `range` without the bad ones. */
function goodRanges(range: ByteRange, badRanges: readonly ByteRange[]): ByteRange[] {
  const good: ByteRange[] = [];
  let { from } = range;
  for (const bad of [...badRanges].sort((a, b) => a.from - b.from)) {
    if (bad.from > from) good.push({ from, to: bad.from });
    from = Math.max(from, bad.to);
  }
  if (from < range.to) good.push({ from, to: range.to });
  return good;
}

function changed(file: string, offset: number): BitcaskError {
  return new BitcaskError({
    code: "BITCASK_READ_FAILED",
    message: `${file} reads differently at offset ${offset} than a moment ago; is the disk failing?`,
    file,
    offset,
  });
}
