/**
 * What a data file must be read with: the salt of its checksums and, when it is encrypted, its cipher. A
 * damaged header has neither; its hint, its records, and the keys at hand may still prove them.
 */
import { hintFileName } from "../data-file.js";
import { DATA_HEADER_BYTES } from "../data-file-header.js";
import type { DirectoryContext } from "../directory.js";
import type { FileCipher } from "../encryption/file-cipher.js";
import type { KeyRing } from "../encryption/key-ring.js";
import { readSealedAbout } from "../encryption/sealed-file.js";
import { decodeHintHeader, HINT_HEADER_BYTES } from "../hint-format.js";
import type { FileHandle } from "../ports.js";
import {
  createRecordHeader,
  ENCRYPTED,
  RECORD_HEADER_BYTES,
  readRecordHeader,
} from "../record-format.js";
import { openIfPresent } from "./open-if-present.js";
import { findNextRecord } from "./record-walk.js";
import { recoverSalt } from "./salt-recovery.js";
import type { MemberFile } from "./store-survey.js";

export interface FileSecrets {
  /** `undefined`: the header is damaged and nothing proves another. */
  readonly salt: number | undefined;
  /** `undefined`: the file is not encrypted, or nothing can be read. */
  readonly cipher: FileCipher | undefined;
}

const NOTHING: FileSecrets = { salt: undefined, cipher: undefined };

/** @throws BitcaskError `BITCASK_ENCRYPTION_KEY_MISSING`, `BITCASK_ENCRYPTION_KEY_WRONG` */
export async function secretsOf(
  context: DirectoryContext,
  handle: FileHandle,
  { id, path, size, header }: MemberFile,
  storeId: string,
  keys: KeyRing,
): Promise<FileSecrets> {
  if (header !== undefined) {
    return { salt: header.salt, cipher: await keys.cipherOf(header, path) };
  }
  const hint = await readHintHead(context, id);
  if (hint?.keyId !== undefined) await keys.prepare(hint.keyId, path);
  const salt = await recoverSalt(handle, size, hint?.salt);
  if (salt === undefined) return NOTHING;
  const record = await firstRecord({ handle, salt, path }, size);
  if (record === undefined) return { salt, cipher: undefined };
  const found = createRecordHeader();
  readRecordHeader(record, 0, found);
  if (!(found.flags & ENCRYPTED)) return { salt, cipher: undefined };
  const cipher = keys
    .candidates({ fileId: id, storeId, salt })
    .find((candidate) => candidate.open(record, 0, found) !== undefined);
  return cipher === undefined ? NOTHING : { salt, cipher };
}

/** What the file's hint says of it, as far as that needs no key. */
async function readHintHead(
  { fileSystem, directory }: DirectoryContext,
  fileId: number,
): Promise<{ readonly salt: number; readonly keyId?: number } | undefined> {
  const hint = await openIfPresent(fileSystem, fileSystem.join(directory, hintFileName(fileId)));
  if (hint === undefined) return undefined;
  try {
    const bytes = Buffer.alloc(HINT_HEADER_BYTES);
    await hint.read(bytes, 0);
    const plain = decodeHintHeader(bytes);
    const about = typeof plain === "string" ? readSealedAbout(bytes) : plain;
    return about?.fileId === fileId ? about : undefined;
  } finally {
    await hint.close();
  }
}

/** The first record whose checksum fits. */
async function firstRecord(
  source: { readonly handle: FileHandle; readonly salt: number; readonly path: string },
  size: number,
): Promise<Buffer | undefined> {
  const at = await findNextRecord(source, DATA_HEADER_BYTES, size);
  if (at >= size) return undefined;
  const head = Buffer.alloc(RECORD_HEADER_BYTES);
  await source.handle.read(head, at);
  const header = createRecordHeader();
  readRecordHeader(head, 0, header);
  const record = Buffer.alloc(header.recordSize);
  await source.handle.read(record, at);
  return record;
}
