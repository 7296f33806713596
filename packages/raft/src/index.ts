// What may go wrong, everywhere in this package.

export type { RaftErrorCode } from "./core/errors.js";
export { isRaftError, RaftError } from "./core/errors.js";
