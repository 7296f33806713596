/** What the command asks of the process around it. */
import type { BitcaskPorts } from "../options.js";

/** The one who reads our output has gone: nothing is left to do, and nothing is wrong. */
export class OutputClosed extends Error {
  override readonly name: string = "OutputClosed";
}

export interface CliPorts {
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Resolves once there is room for more. @throws OutputClosed */
  readonly write: (output: Uint8Array | string) => Promise<void>;
  readonly writeError: (text: string) => void;
  readonly openInput: (path: string) => AsyncIterable<Uint8Array>;
  /** Writes all of `chunks` to a new file, synced; nothing has its name before it is complete. */
  readonly writeFile: (path: string, chunks: AsyncIterable<Uint8Array>) => Promise<void>;
  /** Variables of the process. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** For tests. @default the real ones */
  readonly store?: Partial<BitcaskPorts> | undefined;
}
