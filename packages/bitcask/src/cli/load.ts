/** `bitcask load`: lines to entries, some at a time, each batch atomic. */
import type { Bitcask } from "../bitcask.js";
import type { BatchOperation } from "../options.js";
import { type LineEntry, LineError, linesOf, parseLine } from "./ndjson.js";

/** Bytes of keys and values at which a batch is written before it has all its lines. */
const BATCH_BYTES = 8 * 1024 * 1024;

export interface LoadResult {
  readonly entries: number;
  readonly batches: number;
}

/** Carries what was loaded before the line that could not be. */
export class LoadError extends Error {
  override readonly name: string = "LoadError";
}

/**
 * Blank lines are skipped. The first bad line ends the load; batches before it stay.
 * @throws LoadError that names the line
 */
export async function load(
  db: Bitcask,
  source: AsyncIterable<Uint8Array>,
  batchLines: number,
): Promise<LoadResult> {
  let batch: BatchOperation[] = [];
  let batchBytes = 0;
  let line = 0;
  let loadedLines = 0;
  let firstLine = 1;
  const result = { entries: 0, batches: 0 };
  const write = async (): Promise<void> => {
    if (batch.length > 0) await db.batch(batch);
    result.entries += batch.length;
    result.batches += batch.length > 0 ? 1 : 0;
    batch = [];
    batchBytes = 0;
    loadedLines = line;
    firstLine = line + 1;
  };
  const refusal = (where: string, error: unknown): LoadError => {
    const why = error instanceof Error ? error.message : String(error);
    const before = loadedLines === 0 ? "nothing was loaded" : `lines 1-${loadedLines} were loaded`;
    return new LoadError(`${where}: ${why}; ${before}, nothing after`, { cause: error });
  };
  try {
    for await (const text of linesOf(source)) {
      line += 1;
      if (text.trim() === "") continue;
      const entry = parsed(text, (error) => refusal(`line ${line}`, error));
      batch.push(toOperation(entry));
      batchBytes += entry.key.length + entry.value.length;
      if (batch.length >= batchLines || batchBytes >= BATCH_BYTES) await write();
    }
    await write();
    return result;
  } catch (error) {
    if (error instanceof LoadError) throw error;
    // A line that cannot even be cut out is the one after the last.
    if (error instanceof LineError) throw refusal(`line ${line + 1}`, error);
    const where = line === 0 ? "the input" : `lines ${firstLine}-${line}`;
    throw refusal(where, error);
  }
}

function parsed(text: string, refusal: (error: unknown) => LoadError): LineEntry {
  try {
    return parseLine(text);
  } catch (error) {
    throw refusal(error);
  }
}

function toOperation({ key, value, expiresAtMs }: LineEntry): BatchOperation {
  return { type: "put", key, value, expiresAtMs };
}
