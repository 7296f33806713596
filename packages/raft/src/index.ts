// What may go wrong, everywhere in this package.
export { isRaftError, RaftError } from "./core/errors.js";
export type { RaftErrorCode } from "./core/errors.js";
