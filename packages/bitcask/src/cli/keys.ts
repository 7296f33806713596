/**
 * Encryption keys for the command: from files and the environment, never from the command line, which
 * other users of the machine can read. Messages never show a key.
 */
import { ENCRYPTION_KEY_BYTES, type EncryptionOptions } from "../encryption/encryption-options.js";
import type { CliPorts } from "./ports.js";
import { UsageError } from "./usage.js";

/** Holds keys as `[ID=]KEY`, separated by commas or blanks. */
export const KEYS_VARIABLE = "BITCASK_KEYS";

/**
 * The keys at hand; the last one named is written with.
 * @param keyFiles `[ID=]PATH`, in the order of the command line
 * @returns `undefined` when there are none
 * @throws UsageError
 */
export async function readKeys(
  keyFiles: readonly string[],
  ports: CliPorts,
): Promise<EncryptionOptions | undefined> {
  const keys = new Map<number, Uint8Array>();
  let keyId = 0;
  const add = (id: number, bytes: Uint8Array): void => {
    if (keys.has(id)) throw new UsageError(`there are two keys with id ${id}`);
    keys.set(id, bytes);
    keyId = id;
  };
  for (const entry of (ports.environment[KEYS_VARIABLE] ?? "").split(/[\s,]+/)) {
    if (entry === "") continue;
    const { id, rest } = withId(entry, KEYS_VARIABLE);
    add(id, decoded(Buffer.from(rest), `key ${id} in ${KEYS_VARIABLE}`));
  }
  for (const entry of keyFiles) {
    const { id, rest: path } = withId(entry, "--key-file");
    add(id, decoded(await readKeyFile(path, ports), path));
  }
  return keyId === 0 ? undefined : { keyId, key: (id) => keys.get(id) };
}

/** Takes an id off the front; 1 when there is none. A `=` at the end of base64 is no id. */
function withId(entry: string, where: string): { readonly id: number; readonly rest: string } {
  const match = /^(\d{1,10})=(?=[^=])/.exec(entry);
  if (match === null) return { id: 1, rest: entry };
  const id = Number(match[1]);
  if (id >= 1 && id < 2 ** 32) return { id, rest: entry.slice(match[0].length) };
  throw new UsageError(`a key id in ${where} is not from 1 to 2^32 - 1`);
}

async function readKeyFile(path: string, ports: CliPorts): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of ports.openInput(path)) {
      bytes += chunk.length;
      if (bytes > 1024) break;
      chunks.push(chunk);
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`cannot read the key: ${why}`, { cause: error });
  }
  return Buffer.concat(chunks);
}

/** 32 bytes as they are, in hexadecimal, or in base64. @throws UsageError */
function decoded(bytes: Buffer, where: string): Buffer {
  if (bytes.length === ENCRYPTION_KEY_BYTES) return bytes;
  const text = bytes.toString("latin1").trim();
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, "hex");
  const key = Buffer.from(text, "base64");
  if (key.length === ENCRYPTION_KEY_BYTES && key.toString("base64") === text) return key;
  throw new UsageError(`${where}: a key is 32 bytes, 64 hexadecimal digits, or 44 of base64`);
}
