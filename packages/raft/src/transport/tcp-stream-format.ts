/** Bodies of the records of a stream. */

/** What is sent in one record. */
export const STREAM_CHUNK_BYTES = 256 * 1024;
/** What is taken in one record: a later release may send more at a time. */
export const MAX_STREAM_CHUNK_BYTES = 1024 * 1024;
export const MAX_ANSWER_BYTES = 4096;

const ACCEPTED = 0;
const REFUSED = 1;

/** @param refusal why the receiver gave up; undefined when it took everything in */
export function encodeAnswer(refusal: string | undefined): Uint8Array {
  if (refusal === undefined) return Uint8Array.of(ACCEPTED);
  const words = Buffer.from(refusal, "utf8").subarray(0, MAX_ANSWER_BYTES - 1);
  return Buffer.concat([Uint8Array.of(REFUSED), words]);
}

/** @returns the words of a refusal; undefined for none */
export function decodeAnswer(body: Uint8Array): string | undefined {
  if (body.length === 1 && body[0] === ACCEPTED) return undefined;
  return Buffer.from(body.subarray(1)).toString("utf8");
}
