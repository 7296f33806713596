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

/** Signals that are passed on to a command. */
export type PassedSignal = "SIGINT" | "SIGTERM";

export type ProcessEnd = { readonly code: number } | { readonly signal: NodeJS.Signals };

/** A command that runs, with our input and output. */
export interface RunningProcess {
  /** Rejects with LockFailure `NOT_STARTED` when it could not be started. */
  readonly ended: Promise<ProcessEnd>;
  /** Without effect once it has ended. */
  kill(signal: PassedSignal | "SIGKILL"): void;
}

/** A file that has its name only once it is whole. Calls fail with OutputFailed. */
export interface NewFile {
  write(text: string): Promise<void>;
  /** Puts it in its place, on stable storage. */
  commit(): Promise<void>;
  /** Leaves nothing behind, unless it was committed. Idempotent; never rejects. */
  discard(): Promise<void>;
}

export interface CliPorts {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & Screen;
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: Environment;
  readonly clock: Clock;
  readonly random: Random;
  /** The user's home directory, for the shell's history. */
  readonly homeDirectory: string;
  readonly version: string;
  readonly openFile: (path: string) => Readable;
  /** Bytes in the file at `path`, or in what `"-"` reads from; `undefined` when only reading it tells. */
  readonly sizeOf: (path: string) => Promise<number | undefined>;
  /** Begins a file that is to be at `path` once it is whole. @throws UsageError when it cannot */
  readonly createFile: (path: string) => Promise<NewFile>;
  /** Runs a command with our environment, and `env` on top of it. */
  readonly runProcess: (
    command: string,
    args: readonly string[],
    env: Environment,
  ) => RunningProcess;
  /** Connects when first used. @throws UsageError when an endpoint is not an address */
  readonly openClient: (settings: ClientSettings) => Promise<ByteClient>;
  /** Calls `listener` on each Ctrl-C; returns what ends that. */
  readonly onInterrupt: (listener: () => void) => () => void;
  /**
   * Tells signals to `listener` and nobody else until what it returns is called; not those that commands which we run have
   * got as well.
   */
  readonly onSignal: (listener: (signal: PassedSignal) => void) => () => void;
}
