/** Sizes for `stats()`. */
export interface KeydirStats {
  /** Live keys. */
  readonly keys: number;
  /** Bytes allocated; pages never touched are counted too. */
  readonly bytes: number;
  readonly openSnapshots: number;
  /** Old versions kept for them, or due to be freed. */
  readonly keptVersions: number;
}
