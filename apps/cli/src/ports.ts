/** What the command asks of the outside world; tests play all of it in process. */
import type { Readable, Writable } from "node:stream";
import type { ByteClient } from "./report.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Time. Tests pass a virtual one. */
export interface Clock {
  /** Milliseconds with fractions from an arbitrary origin; never goes back. For durations only. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch; may jump. For showing only. */
  wallMs(): number;
  /**
   * Calls `callback` soon after `delayMs` have passed, never before this call has returned; at most
   * 2^31 - 1.
   * @returns what ends the wait
   */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** Uniform integers in [0, bound), 1 <= bound <= 2^32. Tests pass a seeded one. */
export interface Random {
  nextInt(bound: number): number;
}

export interface ClientSettings {
  readonly endpoints: readonly string[];
  readonly timeoutMs: number;
}

/** What a terminal tells of itself. */
export interface Screen {
  readonly isTTY?: boolean;
  /** Lines that it has at the moment; absent or 0 when it does not say. */
  readonly rows?: number;
}

export interface CliPorts {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & Screen;
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Environment;
  readonly clock: Clock;
  readonly random: Random;
  /** The user's home directory, for the shell's history. */
  readonly homeDirectory: string;
  readonly version: string;
  readonly openFile: (path: string) => Readable;
  /** Connects when first used. @throws UsageError when an endpoint is not an address */
  readonly openClient: (settings: ClientSettings) => Promise<ByteClient>;
  /** Calls `listener` on each Ctrl-C; returns what ends that. */
  readonly onInterrupt: (listener: () => void) => () => void;
}
