/** Why calls fail: the stable names that travel in google.rpc.ErrorInfo. Meanings: proto/titan/v1/error.proto. */
import { ErrorReason as ErrorReasonNumbers } from "./gen/titan/v1/error.js";

/** The `domain` of every ErrorInfo that Titan sends. */
export const ERROR_DOMAIN = "titan.v1";

/** The `reason` of an ErrorInfo, for example `"KEY_EMPTY"`. Names are added over time, never changed. */
export type ErrorReason = Exclude<keyof typeof ErrorReasonNumbers, "UNSPECIFIED">;

/** Every reason that this version knows, in the contract's order. A newer server may send others. */
export const ERROR_REASONS: readonly ErrorReason[] = Object.freeze(
  Object.keys(ErrorReasonNumbers).filter((name): name is ErrorReason => name !== "UNSPECIFIED"),
);
