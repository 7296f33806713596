/**
 * A shard replica's directory:
 *
 *     current          which store is the shard's: 4 bytes CRC-32 (little-endian), its number in decimal digits
 *     store-<n>        a store; only the one that `current` names counts
 *     checkpoint-<n>   a store frozen for a snapshot that is being read
 *     history          change history of a clean close
 *     *.new            a file before it takes its place
 *
 * `current` is replaced as a whole, so a state that is being restored takes the old one's place in one step. Whatever
 * it does not name is left over from a crash, and removed at the next opening.
 */

import { crc32 } from "node:zlib";
import type { FileSystem } from "@titan/bitcask";

const CURRENT = "current";
const HISTORY = "history";
const NEW_SUFFIX = ".new";
const STORE = /^store-([1-9][0-9]*)$/u;
const CRC_BYTES = 4;
/** No name of a store is longer. */
const MAX_CURRENT_BYTES = 64;

export class ShardDirectory {
  readonly path: string;
  readonly #fileSystem: FileSystem;
  #number = 0;
  #nextNumber = 1;

  constructor(fileSystem: FileSystem, path: string) {
    this.#fileSystem = fileSystem;
    this.path = path;
  }

  /** Where the shard's store is. */
  get store(): string {
    return this.#join(`store-${this.#number}`);
  }

  /** Makes the directory if need be, and clears it of what a crash has left. @returns whether there is a store */
  async open(): Promise<boolean> {
    await this.#fileSystem.makeDirectory(this.path);
    const bytes = await this.#read(CURRENT, MAX_CURRENT_BYTES);
    const number = bytes === undefined ? 0 : parseCurrent(bytes, this.path);
    this.#number = number;
    const keep = new Set([CURRENT, HISTORY, `store-${number}`]);
    for (const name of await this.#fileSystem.list(this.path)) {
      const match = STORE.exec(name);
      if (match !== null) this.#nextNumber = Math.max(this.#nextNumber, Number(match[1]) + 1);
      if (!keep.has(name)) await removeTree(this.#fileSystem, this.#join(name));
    }
    return number > 0;
  }

  /** A fresh directory for a store, which is not the shard's yet. */
  async begin(): Promise<{ readonly number: number; readonly path: string }> {
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    const path = this.#join(`store-${number}`);
    await this.#fileSystem.makeDirectory(path);
    return { number, path };
  }

  /** Makes the store of a number the shard's, durably. It has to be durable itself. */
  async take(number: number): Promise<void> {
    await this.#replace(CURRENT, Buffer.from(String(number), "latin1"));
    this.#number = number;
  }

  /** A name for a frozen store. */
  beginCheckpoint(): string {
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    return this.#join(`checkpoint-${number}`);
  }

  /** Keeps what the history was, for the next opening. */
  async saveHistory(bytes: Uint8Array): Promise<void> {
    await this.#replace(HISTORY, bytes);
  }

  /** What {@link ShardDirectory.saveHistory} kept, once; `undefined` when there is none, or it is damaged. */
  async takeHistory(maxBytes: number): Promise<Uint8Array | undefined> {
    const bytes = await this.#read(HISTORY, maxBytes);
    if ((await this.#fileSystem.stat(this.#join(HISTORY))) !== undefined) {
      await this.#fileSystem.unlink(this.#join(HISTORY));
    }
    return bytes === undefined ? undefined : checked(bytes);
  }

  /** Removes a directory with all that is in it. */
  remove(path: string): Promise<void> {
    return removeTree(this.#fileSystem, path);
  }

  #join(name: string): string {
    return this.#fileSystem.join(this.path, name);
  }

  /** `undefined` when it is not there, or larger than it can be. */
  async #read(name: string, maxBytes: number): Promise<Buffer | undefined> {
    const stat = await this.#fileSystem.stat(this.#join(name));
    if (stat === undefined || stat.size > maxBytes) return undefined;
    const handle = await this.#fileSystem.open(this.#join(name), "read");
    try {
      const bytes = Buffer.alloc(stat.size);
      const count = await handle.read(bytes, 0);
      return bytes.subarray(0, count);
    } finally {
      await handle.close();
    }
  }

  async #replace(name: string, bytes: Uint8Array): Promise<void> {
    const path = this.#join(`${name}${NEW_SUFFIX}`);
    if ((await this.#fileSystem.stat(path)) !== undefined) await this.#fileSystem.unlink(path);
    const handle = await this.#fileSystem.open(path, "create-exclusive");
    try {
      const head = Buffer.alloc(CRC_BYTES);
      head.writeUInt32LE(crc32(bytes));
      await handle.write(Buffer.concat([head, bytes]), 0);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await this.#fileSystem.rename(path, this.#join(name));
    await this.#fileSystem.syncDirectory(this.path);
  }
}

/**
 * Removes a shard replica's directory. A crash in the middle leaves one that opens as empty.
 * @throws what the file system throws
 */
export async function removeShardDirectory(fileSystem: FileSystem, path: string): Promise<void> {
  if ((await fileSystem.stat(path)) === undefined) return;
  const current = fileSystem.join(path, CURRENT);
  if ((await fileSystem.stat(current)) !== undefined) {
    await fileSystem.unlink(current);
    await fileSystem.syncDirectory(path);
  }
  await removeTree(fileSystem, path);
}

async function removeTree(fileSystem: FileSystem, path: string): Promise<void> {
  const stat = await fileSystem.stat(path);
  if (stat === undefined) return;
  if (stat.kind !== "directory") {
    await fileSystem.unlink(path);
    return;
  }
  for (const name of await fileSystem.list(path)) {
    await removeTree(fileSystem, fileSystem.join(path, name));
  }
  await fileSystem.removeDirectory(path);
}

function parseCurrent(bytes: Buffer, path: string): number {
  const text = Buffer.from(checked(bytes) ?? []).toString("latin1");
  const number = /^[1-9][0-9]{0,14}$/u.test(text) ? Number(text) : 0;
  if (number > 0) return number;
  throw new Error(`the file ${CURRENT} in ${path} is damaged: this replica has to be replaced`);
}

/** What stands behind the checksum; `undefined` when they do not fit. */
function checked(bytes: Buffer): Uint8Array | undefined {
  if (bytes.length < CRC_BYTES) return undefined;
  const content = bytes.subarray(CRC_BYTES);
  return crc32(content) === bytes.readUInt32LE(0) ? content : undefined;
}
