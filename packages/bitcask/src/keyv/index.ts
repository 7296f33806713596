export { KeyvBitcask, type KeyvBitcaskEntry, type KeyvBitcaskOpts } from "./keyv-bitcask.js";
