import { BitcaskError } from "../errors.js";

export function snapshotGone(): BitcaskError {
  return new BitcaskError({
    code: "BITCASK_SNAPSHOT_GONE",
    message: "the snapshot was released or given up",
  });
}

export function unordered(): BitcaskError {
  return new BitcaskError({
    code: "BITCASK_UNORDERED",
    message: "the store was opened with `ordered: false`: it has no order to scan in",
  });
}
