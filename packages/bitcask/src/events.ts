/** What a store tells its observer as it happens; see the option `onEvent`. */

/** Work in the background. Sizes are bytes. */
export type BitcaskEvent =
  /** A merge step begins: these files are to be rewritten as one. */
  | {
      readonly type: "merge-begun";
      readonly fileIds: readonly number[];
      readonly totalBytes: number;
    }
  /** So much of the step's files has been read. At most one event per megabyte. */
  | { readonly type: "merge-progress"; readonly doneBytes: number; readonly totalBytes: number }
  /** The step took effect; `createdFileId` is `undefined` when nothing was left to keep. */
  | {
      readonly type: "merge-ended";
      readonly fileIds: readonly number[];
      readonly createdFileId: number | undefined;
      readonly bytesReclaimed: number;
    }
  /** The step was given up without effect. Files with damage are left out from then on. */
  | {
      readonly type: "merge-failed";
      readonly fileIds: readonly number[];
      readonly error: unknown;
    };

/** Called within the store's own work: it must be short. What it throws is ignored. */
export type BitcaskObserver = (event: BitcaskEvent) => void;

/** Tells `observer`, who cannot disturb. */
export function tell(observer: BitcaskObserver | undefined, event: BitcaskEvent): void {
  try {
    observer?.(event);
  } catch {
    // An observer's failure is not the store's.
  }
}
