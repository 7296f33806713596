/** The range of an iterator, in stored keys, with its direction. */
import { asBuffer } from "../bytes.js";
import type { ScanOptions } from "../options.js";
import { type LevelKey, toStoredKey } from "./stored-key.js";

/** Range options as abstract-level hands them over. `gte` outranks `gt`, `lte` outranks `lt`. */
export interface LevelRange {
  readonly gt?: LevelKey | undefined;
  readonly gte?: LevelKey | undefined;
  readonly lt?: LevelKey | undefined;
  readonly lte?: LevelKey | undefined;
  readonly reverse?: boolean | undefined;
}

/** The bytes of a key of Level's as the store holds them. */
export function storedBytes(key: LevelKey): Uint8Array {
  const stored = toStoredKey(key);
  return typeof stored === "string" ? Buffer.from(stored, "utf8") : stored;
}

/** The same range as the store's scans take it. */
export function toScanOptions({ gt, gte, lt, lte, reverse = false }: LevelRange): ScanOptions {
  return {
    gte: gte === undefined ? undefined : toStoredKey(gte),
    gt: gt === undefined || gte !== undefined ? undefined : toStoredKey(gt),
    lte: lte === undefined ? undefined : toStoredKey(lte),
    lt: lt === undefined || lte !== undefined ? undefined : toStoredKey(lt),
    reverse,
  };
}

/** A range and the order in which an iterator walks it. */
export class KeyBounds {
  readonly scan: ScanOptions;

  constructor(range: LevelRange) {
    this.scan = toScanOptions(range);
  }

  /** Negative when a walk meets `a` before `b`. */
  compare(a: Uint8Array, b: Uint8Array): number {
    const order = Buffer.compare(a, b);
    return this.scan.reverse === true ? -order : order;
  }

  contains(key: Uint8Array): boolean {
    const { gt, gte, lt, lte } = this.scan;
    if (gt !== undefined && Buffer.compare(key, bytesOf(gt)) <= 0) return false;
    if (gte !== undefined && Buffer.compare(key, bytesOf(gte)) < 0) return false;
    if (lt !== undefined && Buffer.compare(key, bytesOf(lt)) >= 0) return false;
    return lte === undefined || Buffer.compare(key, bytesOf(lte)) <= 0;
  }

  /** What is left of the range from `start` on, `start` included. @param start within the range */
  from(start: Uint8Array): ScanOptions {
    return this.scan.reverse === true
      ? { ...this.scan, lt: undefined, lte: start }
      : { ...this.scan, gt: undefined, gte: start };
  }
}

function bytesOf(key: LevelKey): Uint8Array {
  return typeof key === "string" ? Buffer.from(key, "utf8") : asBuffer(key);
}
