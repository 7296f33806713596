/** Bytes in the format that an encoding asked for. */
import { asBuffer } from "../bytes.js";

/** The formats that the database stores and hands out itself, without a detour over another one. */
export type LevelFormat = "utf8" | "buffer" | "view";

/** @param bytes the caller's to keep; the result shares its memory */
export function inFormat(bytes: Uint8Array, format: LevelFormat): string | Uint8Array {
  if (format === "utf8") return asBuffer(bytes).toString("utf8");
  if (format === "buffer") return asBuffer(bytes);
  return Buffer.isBuffer(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : bytes;
}
