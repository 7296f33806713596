/** The user's keys, asked for while a store is opened, and the ciphers of files made from them. */
import { createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import type { DataFileHeader } from "../data-file-header.js";
import { BitcaskError } from "../errors.js";
import type { Random } from "../ports.js";
import { ENCRYPTION_KEY_BYTES, type EncryptionOptions } from "./encryption-options.js";
import { type CipherIdentity, FileCipher } from "./file-cipher.js";

export class KeyRing {
  private readonly options: EncryptionOptions | undefined;
  private readonly random: Random;
  private readonly known = new Map<number, KeyObject>();

  private constructor(options: EncryptionOptions | undefined, random: Random) {
    this.options = options;
    this.random = random;
  }

  /**
   * Asks for the key that new files are written with.
   * @param options `undefined`: nothing is encrypted
   * @throws BitcaskError `BITCASK_ENCRYPTION_KEY_MISSING`, `BITCASK_ENCRYPTION_KEY_WRONG`
   */
  static async open(options: EncryptionOptions | undefined, random: Random): Promise<KeyRing> {
    const ring = new KeyRing(options, random);
    if (options !== undefined) await ring.master(options.keyId, undefined);
    return ring;
  }

  /** The id of the key that new files are written with; 0: they are not encrypted. */
  get currentKeyId(): number {
    return this.options?.keyId ?? 0;
  }

  /** The cipher of a file that is about to be made; `undefined`: it is not encrypted. */
  cipherOfNew(identity: Omit<CipherIdentity, "keyId">): FileCipher | undefined {
    const keyId = this.currentKeyId;
    const master = this.known.get(keyId);
    return master && new FileCipher(master, { ...identity, keyId }, this.random);
  }

  /** The cipher for files that speak of the whole store, such as the image of its index. */
  cipherOfStore(storeId: string): FileCipher | undefined {
    // No data file has the id 0.
    return this.cipherOfNew({ fileId: 0, salt: 0, storeId });
  }

  /**
   * The cipher of a file with this sound header; `undefined`: it is not encrypted.
   * @throws BitcaskError `BITCASK_ENCRYPTION_KEY_MISSING`, `BITCASK_ENCRYPTION_KEY_WRONG`
   */
  async cipherOf(header: DataFileHeader, file: string): Promise<FileCipher | undefined> {
    const { keyId, keyCheck } = header;
    if (keyId === 0) return undefined;
    const cipher = new FileCipher(await this.master(keyId, file), header, this.random);
    if (timingSafeEqual(cipher.keyCheck, keyCheck)) return cipher;
    throw wrong(keyId, `${file} was encrypted with another key of that id`, file);
  }

  /**
   * Asks for the key of `keyId`, which `file` needs.
   * @throws BitcaskError `BITCASK_ENCRYPTION_KEY_MISSING`, `BITCASK_ENCRYPTION_KEY_WRONG`
   */
  async prepare(keyId: number, file: string): Promise<void> {
    await this.master(keyId, file);
  }

  /** Ciphers that a file whose header is lost may have, one for each key seen so far. */
  candidates(identity: Omit<CipherIdentity, "keyId">): FileCipher[] {
    return [...this.known].map(
      ([keyId, master]) => new FileCipher(master, { ...identity, keyId }, this.random),
    );
  }

  private async master(keyId: number, file: string | undefined): Promise<KeyObject> {
    const known = this.known.get(keyId);
    if (known !== undefined) return known;
    const bytes = await this.ask(keyId, file);
    if (bytes === undefined) throw missing(keyId, file, undefined);
    if (!(bytes instanceof Uint8Array)) throw wrong(keyId, "it is no Uint8Array", file);
    if (bytes.length !== ENCRYPTION_KEY_BYTES) {
      const what = `it has ${bytes.length} bytes and needs ${ENCRYPTION_KEY_BYTES}`;
      throw wrong(keyId, what, file);
    }
    const master = createSecretKey(bytes);
    this.known.set(keyId, master);
    return master;
  }

  private async ask(keyId: number, file: string | undefined): Promise<Uint8Array | undefined> {
    const { options } = this;
    if (options === undefined) return undefined;
    if (typeof options.key !== "function") {
      return keyId === options.keyId ? options.key : undefined;
    }
    try {
      return await options.key(keyId);
    } catch (error) {
      throw missing(keyId, file, error);
    }
  }
}

function missing(keyId: number, file: string | undefined, cause: unknown): BitcaskError {
  const who = file === undefined ? "new files are to be" : `${file} is`;
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new BitcaskError({
    code: "BITCASK_ENCRYPTION_KEY_MISSING",
    message: `${who} encrypted with key ${keyId}, which was not given${why}; see options.encryption`,
    file,
    keyId,
    cause,
  });
}

function wrong(keyId: number, what: string, file: string | undefined): BitcaskError {
  return new BitcaskError({
    code: "BITCASK_ENCRYPTION_KEY_WRONG",
    message: `the encryption key ${keyId} is not the right one: ${what}`,
    file,
    keyId,
  });
}
