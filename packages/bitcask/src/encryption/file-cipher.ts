/**
 * AES-256-GCM over the records of one data file (NIST SP 800-38D), under a key of that file's own.
 *
 * **File key.** HKDF-SHA-256 (RFC 5869) of the user's key, with the store's id as salt and purpose, key id,
 * file id and the file's random salt as info. The same derivation gives eight bytes that the file's
 * header keeps, so that a wrong key is told from damage.
 *
 * **Nonces**, 12 bytes in each record, are never used twice under one file key, by construction: eight
 * bytes are drawn at random when a process first writes to the file, four count the records that it
 * encrypts from then on. The count never steps back, also when an append is refused and its place is
 * written again. After a crash, whatever was torn off and is written again at the same offset with the
 * same sequence number, it comes from another process, whose eight bytes are others: two of n such
 * processes meet with a probability below n² / 2^65. A file that never got into a manifest may leave its
 * id to another one; that has another salt, and thereby another key.
 *
 * **Bound to each ciphertext** (as additional data): flags, sizes, sequence number, unsynced distance
 * and expiry. A record moved to another file, or given another expiry, is not authentic any more.
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import type { Random } from "../ports.js";
import {
  EXPIRY_BYTES,
  HAS_EXPIRY,
  NONCE_BYTES,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  TAG_BYTES,
} from "../record-format.js";

const ALGORITHM = "aes-256-gcm";
const GCM = { authTagLength: TAG_BYTES };
const KEY_BYTES = 32;
const SALT_BYTES = 16;
export const KEY_CHECK_BYTES = 8;
/** Where the part of a record begins that is bound to its ciphertext: behind the CRC. */
const BOUND_FROM = 4;

/** The data file that a key is derived for. */
export interface CipherIdentity {
  readonly keyId: number;
  readonly fileId: number;
  /** 32 hexadecimal digits. */
  readonly storeId: string;
  readonly salt: number;
}

export class FileCipher {
  readonly keyId: number;
  /** What the file's header says of the key. */
  readonly keyCheck: Buffer;
  private readonly key: KeyObject;
  private readonly sidecar: Buffer;
  private readonly random: Random;
  private readonly nonce = Buffer.alloc(NONCE_BYTES);
  /** Records encrypted under the nonce's random part. Invariant: 0 <= count <= 2^32. */
  private count = 2 ** 32;

  /** @param master the user's key of `identity.keyId` */
  constructor(master: KeyObject, identity: CipherIdentity, random: Random) {
    const secret = derive(master, identity, "data", KEY_BYTES + KEY_CHECK_BYTES);
    this.keyId = identity.keyId;
    this.key = createSecretKey(secret.subarray(0, KEY_BYTES));
    this.keyCheck = Buffer.from(secret.subarray(KEY_BYTES));
    this.sidecar = derive(master, identity, "sidecar", KEY_BYTES);
    this.random = random;
  }

  /** The key of a file that speaks of this one, such as its hint; see `sealed-file.ts`. */
  sidecarKey(salt: Uint8Array): KeyObject {
    const secret = hkdfSync("sha256", this.sidecar, salt, "titan-bitcask 1 sealed", KEY_BYTES);
    return createSecretKey(Buffer.from(secret));
  }

  /** A salt for {@link FileCipher.sidecarKey}. */
  drawSalt(): Buffer {
    const salt = Buffer.alloc(SALT_BYTES);
    for (let at = 0; at < SALT_BYTES; at += 4) {
      salt.writeUInt32LE(this.random.nextInt(2 ** 32), at);
    }
    return salt;
  }

  /**
   * Encrypts the record in `[at, end)`, whose header is complete, in place. Its nonce and its tag are
   * written where they belong; the CRC comes after.
   */
  seal(buffer: Buffer, at: number, end: number, flags: number): void {
    const nonceStart = at + nonceOffset(flags);
    const bodyStart = nonceStart + NONCE_BYTES;
    const bodyEnd = end - TAG_BYTES;
    this.nextNonce().copy(buffer, nonceStart);
    const cipher = createCipheriv(ALGORITHM, this.key, this.nonce, GCM);
    cipher.setAAD(buffer.subarray(at + BOUND_FROM, nonceStart));
    cipher.update(buffer.subarray(bodyStart, bodyEnd)).copy(buffer, bodyStart);
    cipher.final();
    cipher.getAuthTag().copy(buffer, bodyEnd);
  }

  /**
   * Key and value of the record at `at`, one behind the other.
   * @returns `undefined` when the record is not what was encrypted under this key
   */
  open(buffer: Buffer, at: number, header: Readonly<RecordHeader>): Buffer | undefined {
    const bodyStart = at + header.keyStart;
    const nonceStart = bodyStart - NONCE_BYTES;
    const bodyEnd = at + header.recordSize - TAG_BYTES;
    const nonce = buffer.subarray(nonceStart, bodyStart);
    const decipher = createDecipheriv(ALGORITHM, this.key, nonce, GCM);
    decipher.setAAD(buffer.subarray(at + BOUND_FROM, nonceStart));
    decipher.setAuthTag(buffer.subarray(bodyEnd, bodyEnd + TAG_BYTES));
    const body = decipher.update(buffer.subarray(bodyStart, bodyEnd));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return body;
  }

  private nextNonce(): Buffer {
    if (this.count === 2 ** 32) {
      this.nonce.writeUInt32LE(this.random.nextInt(2 ** 32), 0);
      this.nonce.writeUInt32LE(this.random.nextInt(2 ** 32), 4);
      this.count = 0;
    }
    this.nonce.writeUInt32LE(this.count, 8);
    this.count += 1;
    return this.nonce;
  }
}

function nonceOffset(flags: number): number {
  return RECORD_HEADER_BYTES + (flags & HAS_EXPIRY ? EXPIRY_BYTES : 0);
}

function derive(
  master: KeyObject,
  { storeId, keyId, fileId, salt }: CipherIdentity,
  purpose: "data" | "sidecar",
  bytes: number,
): Buffer {
  const ids = Buffer.alloc(12);
  ids.writeUInt32LE(keyId, 0);
  ids.writeUInt32LE(fileId, 4);
  ids.writeUInt32LE(salt, 8);
  const info = Buffer.concat([Buffer.from(`titan-bitcask 1 ${purpose} `), ids]);
  return Buffer.from(hkdfSync("sha256", master, Buffer.from(storeId, "hex"), info, bytes));
}
