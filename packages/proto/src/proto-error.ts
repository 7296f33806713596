/** What can be wrong with bytes that claim to be a message, or with a message too large to send. */

/**
 * - `PROTO_MALFORMED`: the bytes are not a message: cut short, overlapping lengths, invalid UTF-8.
 * - `PROTO_OUT_OF_RANGE`: a 64-bit number beyond ±(2^53 - 1), which no JavaScript number holds exactly.
 * - `PROTO_TOO_MANY`: more than {@link MAX_ELEMENTS} elements in one list.
 */
export type ProtoErrorCode = "PROTO_MALFORMED" | "PROTO_OUT_OF_RANGE" | "PROTO_TOO_MANY";

/**
 * Most elements in one list of one message. An empty element takes two bytes on the wire and some
 * hundred in memory, so without a bound a frame of a few megabytes could cost hundreds.
 */
export const MAX_ELEMENTS = 1_048_576;

/** Thrown by `decode`, and by `encode` for `PROTO_TOO_MANY`. Nothing was sent or applied. */
export class ProtoError extends Error {
  override readonly name: string = "ProtoError";
  readonly code: ProtoErrorCode;

  constructor(code: ProtoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
