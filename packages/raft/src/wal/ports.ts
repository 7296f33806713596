/**
 * What the log asks of the outside world. The shapes are those of `@titan/bitcask`'s ports, so one
 * object serves both; neither package imports the other.
 *
 * Failures of files are `Error`s that carry a POSIX `code` (`"EIO"`, `"ENOSPC"`, …).
 */

/** How a file is opened: `"create-exclusive"` fails with `EEXIST` when the path is taken. */
export type OpenMode = "read" | "read-write" | "create-exclusive";

/** What a path names. `size` in bytes. */
export interface FileStat {
  readonly kind: "file" | "directory" | "other";
  readonly size: number;
}

/**
 * An open file. Positions and sizes are bytes from its start. A buffer stays the caller's, who leaves
 * it alone while a call is under way.
 */
export interface FileHandle {
  /** Fills `into` from `position`. @returns bytes read; fewer only when the file ends there */
  read(into: Uint8Array, position: number): Promise<number>;
  /** As {@link FileHandle.read}, blocking. */
  readSync(into: Uint8Array, position: number): number;
  /** Writes all of `chunk`. After a failure any part of it may be in the file. */
  write(chunk: Uint8Array, position: number): Promise<void>;
  /** As {@link FileHandle.write}, blocking. */
  writeSync(chunk: Uint8Array, position: number): void;
  /**
   * Resolves once all that was written before the call is on stable storage (fdatasync). After a
   * failure nothing may be assumed of unsynced bytes, whatever a later call says.
   */
  sync(): Promise<void>;
  /** As {@link FileHandle.sync}, blocking. */
  syncSync(): void;
  /** Current size in bytes. */
  size(): Promise<number>;
  /** Releases the descriptor. Idempotent. */
  close(): Promise<void>;
  /** As {@link FileHandle.close}, blocking. */
  closeSync(): void;
}

/**
 * A POSIX-like file system. A name that appears, moves or vanishes survives a power cut only after
 * {@link FileSystem.syncDirectory} of its directory.
 */
export interface FileSystem {
  join(...segments: readonly string[]): string;
  open(path: string, mode: OpenMode): Promise<FileHandle>;
  /** As {@link FileSystem.open}, blocking. */
  openSync(path: string, mode: OpenMode): FileHandle;
  /** Names (not paths) in a directory, in no particular order. */
  list(directory: string): Promise<readonly string[]>;
  /** `undefined` when nothing is there. */
  stat(path: string): Promise<FileStat | undefined>;
  /** Creates a directory and its missing parents; nothing happens when it exists. */
  makeDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Gives the file a second name; fails with `EEXIST` when `created` is taken. */
  link(existing: string, created: string): Promise<void>;
  unlink(path: string): Promise<void>;
  syncDirectory(directory: string): Promise<void>;
}

/** Time source. */
export interface Clock {
  /** Milliseconds from an arbitrary origin; never goes back. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch; may jump. Only noted in headers. */
  wallMs(): number;
  /** Calls `callback` once, `delayMs` or more from now. @returns a function that cancels the call */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** Uniform integers in `[0, bound)`, `1 <= bound <= 2^32`. */
export interface Random {
  nextInt(bound: number): number;
}

/** A process, told by `startToken` from a later one of the same number; empty when unknown. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  readonly startToken: string;
}

/** Who runs, for the one-writer lock. */
export interface ProcessTable {
  self(): ProcessIdentity;
  /** `"unknown"` when this machine cannot tell; the lock then stays respected. */
  isAlive(holder: ProcessIdentity): "alive" | "dead" | "unknown";
}

/** Everything a log needs to run. */
export interface WalPorts {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly processes: ProcessTable;
}
