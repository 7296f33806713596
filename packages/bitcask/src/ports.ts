/**
 * What the store asks of the outside world. Everything that is not a pure function of its input enters
 * through these interfaces, so that a test can play the disk, the clock and the dice.
 *
 * Each port ships a real implementation and an in-memory one; both run the conformance suite in
 * `./testing`. Calls come in asynchronous and synchronous forms: at low concurrency a synchronous
 * `write` + `sync` beats the thread pool, at high concurrency the asynchronous form keeps the event
 * loop free. An implementation must let both be mixed on one handle.
 */

/** How a file is opened. */
export type OpenMode =
  /** Existing file, reads only. */
  | "read"
  /** Existing file, reads and writes. */
  | "read-write"
  /** New file, reads and writes; fails with `EEXIST` when the path is taken. */
  | "create-exclusive";

/** What a path names. `size` in bytes; `inode` tells two files of one name apart. */
export interface FileStat {
  readonly kind: "file" | "directory" | "other";
  readonly size: number;
  readonly inode: number;
}

/**
 * An open file. Positions and sizes are bytes from the start of the file. Buffers stay the caller's:
 * an implementation must not keep a reference after the call has settled, and the caller must not
 * change a buffer while a call is under way.
 *
 * Failures are `Error`s that carry a POSIX `code` (`"EIO"`, `"ENOSPC"`, `"EMFILE"`, `"EACCES"`, …).
 */
export interface FileHandle {
  /**
   * Fills `into` from `position`.
   * @returns bytes read; fewer than `into.length` only when the file ends there
   */
  read(into: Uint8Array, position: number): Promise<number>;
  /**
   * As {@link FileHandle.read}, blocking.
   * @param from with `to` the part `[from, to)` of `into` to fill, by default all of it: it saves the
   *   caller a view of each small piece
   */
  readSync(into: Uint8Array, position: number, from?: number, to?: number): number;
  /**
   * Writes all of `chunk` at `position`, growing the file when needed. Not durable before
   * {@link FileHandle.sync}. After a failure any prefix of `chunk` may be in the file.
   */
  write(chunk: Uint8Array, position: number): Promise<void>;
  /** As {@link FileHandle.write}, blocking. */
  writeSync(chunk: Uint8Array, position: number): void;
  /**
   * Resolves once everything written before the call, and the size that it needs, is on stable
   * storage (fdatasync). After a failure nothing may be assumed of any unsynced byte, and a later
   * success proves nothing about bytes written before the failure: never retry.
   */
  sync(): Promise<void>;
  /** As {@link FileHandle.sync}, blocking. */
  syncSync(): void;
  /** Cuts or zero-extends the file to `size`. Durable after {@link FileHandle.sync}. */
  truncate(size: number): Promise<void>;
  /** Current size in bytes. */
  size(): Promise<number>;
  /** Releases the descriptor. Idempotent. Does not sync. */
  close(): Promise<void>;
  /** As {@link FileHandle.close}, blocking; safe in exit handlers. */
  closeSync(): void;
}

/**
 * A POSIX-like file system. Paths are opaque strings joined by {@link FileSystem.join}. Names that
 * appear, move or vanish (create, rename, link, unlink) survive a power cut only after
 * {@link FileSystem.syncDirectory} of the directory that holds them.
 */
export interface FileSystem {
  /** Joins path segments as this file system spells them. */
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
  /** Moves a file over whatever `to` names, atomically for other readers. */
  rename(from: string, to: string): Promise<void>;
  /** Gives the file `existing` a second name; fails with `EEXIST` when `created` is taken. */
  link(existing: string, created: string): Promise<void>;
  /** Removes a name. The file lives on while it has another name or an open handle. */
  unlink(path: string): Promise<void>;
  /** As {@link FileSystem.unlink}, blocking; safe in exit handlers. */
  unlinkSync(path: string): void;
  /** Removes an empty directory. */
  removeDirectory(path: string): Promise<void>;
  /** Makes the names in `directory` durable. */
  syncDirectory(directory: string): Promise<void>;
  /** Bytes that the file system can still take from this process. */
  freeBytes(path: string): Promise<number>;
}

/** Time source. Tests pass a virtual one. */
export interface Clock {
  /** Milliseconds from an arbitrary origin; never goes back. For durations only. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch; may jump. For record timestamps and expiry only. */
  wallMs(): number;
  /**
   * Calls `callback` once, `delayMs` or more from now. A real clock's timer must not keep the
   * process alive.
   * @returns a function that cancels the call; idempotent
   */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** Uniform integers in `[0, bound)`, `1 <= bound <= 2^32`; seeded in tests so a failing run replays. */
export interface Random {
  nextInt(bound: number): number;
}

/**
 * A process, told apart from a later one that got the same number.
 * `startToken` is whatever the platform offers for that (on Linux: boot id, pid namespace and start time);
 * the empty string means "unknown".
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  readonly startToken: string;
}

/** Who runs, for the one-writer lock. */
export interface ProcessTable {
  /** This process. */
  self(): ProcessIdentity;
  /**
   * Whether `holder` still runs. `"unknown"` when this machine cannot tell (another host); the lock
   * then stays respected.
   */
  isAlive(holder: ProcessIdentity): "alive" | "dead" | "unknown";
  /**
   * Shows at `path`, until the function that it returns is called or this process ends, that this
   * process runs: to those on this machine who cannot look it up. Never fails; may do nothing.
   */
  announce?(path: string): Promise<() => void>;
  /** Whether a `holder` of whom nothing is known shows itself at `path`; never fails. */
  answers?(holder: ProcessIdentity, path: string): Promise<"alive" | "dead" | "unknown">;
}
