/** How a store is to be encrypted. */

/** Bytes of a key. */
export const ENCRYPTION_KEY_BYTES = 32;

/** Gives the key of an id; `undefined` when there is none. */
export type EncryptionKeySource = (
  keyId: number,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

export interface EncryptionOptions {
  /** Names the key that new files are written with: 1 to 2^32 - 1. Every file says which it needs. */
  readonly keyId: number;
  /** The key of `keyId`, 32 random bytes; or a function that is asked once per opening for the key of
   *  each id that a file names, so that keys can be changed. */
  readonly key: Uint8Array | EncryptionKeySource;
}

/** @throws TypeError, RangeError */
export function checkEncryption(encryption: EncryptionOptions): void {
  const { keyId, key, ...others } = (encryption ?? {}) as Partial<EncryptionOptions>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new TypeError(`unknown option: encryption.${unknown}`);
  if (!Number.isInteger(keyId) || (keyId as number) < 1 || (keyId as number) >= 2 ** 32) {
    throw new RangeError(
      `encryption.keyId must be an integer from 1 to 2^32 - 1: ${String(keyId)}`,
    );
  }
  if (typeof key === "function") return;
  if (!(key instanceof Uint8Array)) {
    throw new TypeError("encryption.key must be a Uint8Array or a function");
  }
  if (key.length !== ENCRYPTION_KEY_BYTES) {
    throw new RangeError(
      `encryption.key must have ${ENCRYPTION_KEY_BYTES} bytes, not ${key.length}`,
    );
  }
}
