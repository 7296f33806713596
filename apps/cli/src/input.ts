/** Reads values and batches: from standard input or from a file, bounded, and given up on Ctrl-C. */
import { Buffer } from "node:buffer";
import type { Readable } from "node:stream";
import { UsageError } from "./usage-error.js";

/** Most bytes of a value read from a file or standard input: the largest that any server can take. */
export const MAX_VALUE_BYTES = 64 * 1024 * 1024;

/** Where values and batches come from. */
export interface Inputs {
  /** Standard input; `undefined` where it is the shell that reads it. */
  readonly stdin: Readable | undefined;
  /** Opens a file; the stream fails when there is none. */
  readonly openFile: (path: string) => Readable;
  /** Bytes in `path`, where that is known beforehand. */
  readonly sizeOf: (path: string) => Promise<number | undefined>;
}

/**
 * The bytes of `path`, or of standard input for `"-"`.
 * @throws UsageError when it cannot be read; whatever `signal` gives when it fires
 */
export async function* readChunks(
  inputs: Inputs,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const stream = path === "-" ? inputs.stdin : inputs.openFile(path);
  if (stream === undefined)
    throw new UsageError("the shell reads standard input itself; name a file");
  const stop = (): void => void stream.destroy(toError(signal.reason));
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (signal.aborted) stop();
    for await (const chunk of stream as AsyncIterable<Uint8Array | string>) {
      yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    }
  } catch (error) {
    if (signal.aborted) throw error;
    const source = path === "-" ? "standard input" : path;
    throw new UsageError(`cannot read ${source}: ${toError(error).message}`, undefined, {
      cause: error,
    });
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** All bytes of `path`, at most {@link MAX_VALUE_BYTES}. @throws as {@link readChunks} */
export async function readValue(
  inputs: Inputs,
  path: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of readChunks(inputs, path, signal)) {
    bytes += chunk.length;
    if (bytes > MAX_VALUE_BYTES) {
      throw new UsageError(`a value has at most ${MAX_VALUE_BYTES} bytes; this input has more`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
