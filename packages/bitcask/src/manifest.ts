/**
 * The manifest says which data files make up the store. It is replaced whole (written aside, synced,
 * renamed, directory synced), so that a rotation or a merge takes effect at one instant. A file that
 * it does not name holds nothing that was acknowledged.
 *
 * ```
 * TITAN-BITCASK <format version> <CRC-32 of what follows the first line, 8 hexadecimal digits>\n
 * { JSON }\n
 * ```
 */
import { crc32 } from "node:zlib";
import { FORMAT_VERSION } from "./data-file-header.js";
import { BitcaskError } from "./errors.js";

export const MANIFEST_NAME = "manifest";

export interface ManifestFile {
  readonly id: number;
  /** Bytes known to be on stable storage; of a sealed file, its exact size. */
  readonly durableBytes: number;
  readonly isSealed: boolean;
  /** See `DataFile.keptTombstoneBytes`. */
  readonly keptTombstoneBytes: number;
}

export interface Manifest {
  /** 32 hexadecimal digits, made at creation. */
  readonly storeId: string;
  /** Grows with every replacement. */
  readonly generation: number;
  /** No file of this id or a higher one was ever part of the store. */
  readonly nextFileId: number;
  /** No record of this sequence number or a higher one was durable when the manifest was written
   *  into a file that is sealed. */
  readonly nextSequence: number;
  /** See `StoreTime`. */
  readonly timeFloorMs: number;
  readonly files: readonly ManifestFile[];
  /** Files replaced by a merge, to be removed. */
  readonly obsoleteFileIds: readonly number[];
}

export function encodeManifest(manifest: Manifest): Buffer {
  const body = `${JSON.stringify(manifest, undefined, 1)}\n`;
  const checksum = crc32(Buffer.from(body)).toString(16).padStart(8, "0");
  return Buffer.from(`TITAN-BITCASK ${FORMAT_VERSION} ${checksum}\n${body}`);
}

/** @throws BitcaskError `BITCASK_CORRUPT`, `BITCASK_NEWER_FORMAT` */
export function decodeManifest(bytes: Buffer, file: string): Manifest {
  const text = bytes.toString("latin1");
  const match = /^TITAN-BITCASK (\d{1,9}) ([0-9a-f]{8})\n/.exec(text);
  if (match === null) throw corrupt(file, "its first line is not that of a manifest");
  const [line, version, checksum] = match as unknown as [string, string, string];
  const isIntact = crc32(bytes.subarray(line.length)) === Number.parseInt(checksum, 16);
  if (Number(version) > FORMAT_VERSION) {
    throw new BitcaskError({
      code: "BITCASK_NEWER_FORMAT",
      message:
        `${file}: the store has format version ${version}, this release reads up to ` +
        `${FORMAT_VERSION}; open it with a newer release of @titan/bitcask`,
      file,
    });
  }
  if (!isIntact || Number(version) !== FORMAT_VERSION) {
    throw corrupt(file, "its checksum does not match");
  }
  const manifest: unknown = JSON.parse(bytes.toString("utf8", line.length));
  if (!isManifest(manifest)) throw corrupt(file, "a field is missing or of the wrong type");
  return manifest;
}

function isManifest(value: unknown): value is Manifest {
  if (typeof value !== "object" || value === null) return false;
  const { storeId, generation, nextFileId, nextSequence, timeFloorMs, files, obsoleteFileIds } =
    value as Record<keyof Manifest, unknown>;
  return (
    typeof storeId === "string" &&
    /^[0-9a-f]{32}$/.test(storeId) &&
    [generation, nextFileId, nextSequence, timeFloorMs].every(isCount) &&
    Array.isArray(files) &&
    files.every(isManifestFile) &&
    Array.isArray(obsoleteFileIds) &&
    obsoleteFileIds.every(isCount)
  );
}

function isManifestFile(value: unknown): value is ManifestFile {
  if (typeof value !== "object" || value === null) return false;
  const { id, durableBytes, isSealed, keptTombstoneBytes } = value as Record<
    keyof ManifestFile,
    unknown
  >;
  const counts = [id, durableBytes, keptTombstoneBytes];
  return counts.every(isCount) && typeof isSealed === "boolean";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function corrupt(file: string, what: string): BitcaskError {
  return new BitcaskError({
    code: "BITCASK_CORRUPT",
    message:
      `${file} is damaged: ${what}. It lists the store's data files; without it nothing can be ` +
      "opened. Restore it from a copy of the same store",
    file,
    offset: 0,
  });
}
