/** Writes the hint of a file that takes no more writes for now, by reading the file back. */
import { type DataFile, hintFileName } from "./data-file.js";
import { DATA_HEADER_BYTES } from "./data-file-header.js";
import { HintBuilder } from "./hint-file.js";
import type { MergePace } from "./merge-pace.js";
import type { MergeParts } from "./merge-step.js";
import { CONTROL, HAS_EXPIRY, readUint64 } from "./record-format.js";
import { scanRecords } from "./record-scanner.js";
import { unlinkIfPresent } from "./small-file.js";

/**
 * Does nothing for a file with damage: whoever reads the damaged record, or opens the store, reports it.
 * A failure costs the next open some time and nothing else.
 * @param pace `undefined`: nobody else wants the event loop
 */
export async function writeHintOf(
  parts: MergeParts,
  file: DataFile,
  pace: MergePace | undefined,
): Promise<void> {
  const hint = await collect(parts, file, pace);
  if (hint === undefined || hint.isTooLarge) return;
  const { fileSystem, directory, manifest } = parts;
  const path = fileSystem.join(directory, hintFileName(file.id));
  const aside = `${path}.tmp`;
  await unlinkIfPresent(fileSystem, aside);
  const handle = await fileSystem.open(aside, "create-exclusive");
  try {
    await hint.write(
      handle,
      {
        fileId: file.id,
        salt: file.salt,
        storeId: manifest.current.storeId,
        coveredBytes: file.size,
      },
      file.cipher,
    );
  } catch (error) {
    await handle.close();
    await unlinkIfPresent(fileSystem, aside);
    throw error;
  }
  await handle.close();
  await fileSystem.rename(aside, path);
  file.hintedBytes = file.size;
}

async function collect(
  parts: MergeParts,
  file: DataFile,
  pace: MergePace | undefined,
): Promise<HintBuilder | undefined> {
  const hint = new HintBuilder();
  const handle = parts.files.beginRead(file);
  try {
    const source = { handle, salt: file.salt, cipher: file.cipher, path: file.path };
    const stop = await scanRecords(
      source,
      DATA_HEADER_BYTES,
      file.size,
      (header, buffer, at, position) => {
        const keyStart = at + header.keyStart;
        const key = buffer.subarray(keyStart, keyStart + header.keySize);
        const { sequence, valueSize } = header;
        const isControl = (header.flags & CONTROL) !== 0;
        // A time floor stands in the place of the expiry.
        const flags = isControl ? CONTROL | HAS_EXPIRY : header.flags;
        const expiresAt = isControl ? readUint64(buffer, keyStart + 1) : header.expiresAt;
        hint.add({ sequence, flags, valueSize, expiresAt, position }, key);
      },
      pace,
    );
    return stop.fault === undefined ? hint : undefined;
  } finally {
    parts.files.endRead(file);
  }
}
