export { BitcaskLevel } from "./bitcask-level.js";
export { BitcaskLevelError, type BitcaskLevelErrorCode } from "./level-error.js";
export type {
  BitcaskLevelBatchOperation,
  BitcaskLevelBatchOptions,
  BitcaskLevelDelOptions,
  BitcaskLevelOptions,
  BitcaskLevelPutOptions,
} from "./level-options.js";
