/** Lines of a byte stream, with a bound on how long one may be. */
import { Buffer } from "node:buffer";
import { UsageError } from "./usage-error.js";

/** Most bytes in one line: room for the largest value of a server (64 MiB) in its longest spelling. */
export const MAX_LINE_BYTES = 256 * 1024 * 1024;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NEWLINE = 0x0a;

/** One line without its end, `\n` or `\r\n`. `number` counts from 1. */
export interface Line {
  readonly number: number;
  readonly text: string;
}

/**
 * Gives the lines of `chunks` as they come; the last one need not be ended.
 * @throws UsageError for a line that is longer than `maxBytes` or is not UTF-8
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes = MAX_LINE_BYTES,
): AsyncGenerator<Line> {
  // Invariant: the pieces of the line that is being read hold no newline and at most `maxBytes`.
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  let number = 1;
  const add = (piece: Uint8Array): void => {
    bytes += piece.length;
    if (bytes > maxBytes) throw new UsageError(`line ${number} has more than ${maxBytes} bytes`);
    if (piece.length > 0) pieces.push(piece);
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, at));
      yield toLine(pieces, number);
      pieces = [];
      bytes = 0;
      number += 1;
      from = at + 1;
    }
    add(chunk.subarray(from));
  }
  if (pieces.length > 0) yield toLine(pieces, number);
}

function toLine(pieces: readonly Uint8Array[], number: number): Line {
  try {
    const text = decoder.decode(Buffer.concat(pieces));
    // A file may begin with a byte order mark, and may come from Windows.
    return { number, text: text.replace(number === 1 ? /^\uFEFF/ : /^$/, "").replace(/\r$/, "") };
  } catch {
    throw new UsageError(
      `line ${number} is not UTF-8; write other bytes as {"base64":"…"} or \\xNN`,
    );
  }
}
