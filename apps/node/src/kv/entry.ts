/** What a key holds. */
import type { Revision } from "./revision.js";

export interface Entry {
  readonly value: Uint8Array;
  readonly revision: Revision;
  /** Milliseconds since the Unix epoch, by the clock of the shard; `undefined` when it does not expire. */
  readonly expiresAtMs: number | undefined;
}
