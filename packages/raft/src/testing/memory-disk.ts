/**
 * A disk with POSIX names, in memory: files, the names that programs see, and those that a power cut
 * leaves. No promises, no faults, no clock: `memory-file-system.ts` adds those.
 *
 * A name that appears, moves or vanishes is durable after a sync of its directory; before, a power cut
 * keeps any of the changes, each whole, those of one name in their order. A file's own sync does not save
 * its name. Directories are never moved nor removed.
 */

import { posix } from "node:path";
import type { FileStat } from "../wal/ports.js";
import { type Choose, MemoryFile } from "./memory-file.js";

/** What a name stands for. */
type Inode = MemoryFile | "directory";

/** One call that changed names: all of it survives, or none. */
type NameChange = readonly { readonly path: string; readonly inode: Inode | undefined }[];

/** A failure with a POSIX code, as operating systems report it. */
export class DiskError extends Error {
  override readonly name: string = "DiskError";
  readonly code: string;

  constructor(code: string, path: string) {
    super(`${code}: ${path}`);
    this.code = code;
  }
}

export class MemoryDisk {
  #names = new Map<string, Inode>([["/", "directory"]]);
  #durable = new Map<string, Inode>([["/", "directory"]]);
  #unsynced: NameChange[] = [];

  /** Bytes of all files that have a name. */
  get usedBytes(): number {
    let bytes = 0;
    for (const file of new Set(this.#names.values())) bytes += file === "directory" ? 0 : file.size;
    return bytes;
  }

  /** @throws DiskError `ENOENT`, `ENOTDIR`, `EISDIR` */
  file(path: string): MemoryFile {
    this.#parentOf(path);
    const inode = this.#names.get(path);
    if (inode === undefined) throw new DiskError("ENOENT", path);
    if (inode === "directory") throw new DiskError("EISDIR", path);
    return inode;
  }

  /** @throws DiskError `EEXIST`, `ENOENT`, `ENOTDIR` */
  create(path: string): MemoryFile {
    this.#parentOf(path);
    if (this.#names.has(path)) throw new DiskError("EEXIST", path);
    const file = new MemoryFile();
    this.#change([{ path, inode: file }]);
    return file;
  }

  stat(path: string): FileStat | undefined {
    const inode = this.#names.get(path);
    if (inode === undefined) return undefined;
    if (inode === "directory") return { kind: "directory", size: 0 };
    return { kind: "file", size: inode.size };
  }

  /** @throws DiskError `ENOENT`, `ENOTDIR` */
  list(directory: string): string[] {
    this.#directory(directory);
    const names: string[] = [];
    for (const path of this.#names.keys()) {
      if (path !== directory && posix.dirname(path) === directory) names.push(posix.basename(path));
    }
    return names;
  }

  /** @throws DiskError `EEXIST`, `ENOTDIR` when a file is in the way */
  makeDirectory(path: string): void {
    const inode = this.#names.get(path);
    if (inode === "directory") return;
    if (inode !== undefined) throw new DiskError("EEXIST", path);
    this.makeDirectory(posix.dirname(path));
    this.#change([{ path, inode: "directory" }]);
  }

  /** @throws DiskError as `file`, and `EISDIR` for a directory in the way */
  rename(from: string, to: string): void {
    const inode = this.file(from);
    this.#parentOf(to);
    if (this.#names.get(to) === "directory") throw new DiskError("EISDIR", to);
    if (this.#names.get(to) === inode) return;
    this.#change([
      { path: from, inode: undefined },
      { path: to, inode },
    ]);
  }

  /** @throws DiskError as `file`, and `EEXIST` */
  link(existing: string, created: string): void {
    const inode = this.file(existing);
    this.#parentOf(created);
    if (this.#names.has(created)) throw new DiskError("EEXIST", created);
    this.#change([{ path: created, inode }]);
  }

  /** @throws DiskError as `file` */
  unlink(path: string): void {
    this.file(path);
    this.#change([{ path, inode: undefined }]);
  }

  /**
   * Makes the names in `directory` durable, together with earlier changes of the same names.
   * @throws DiskError `ENOENT`, `ENOTDIR`
   */
  syncDirectory(directory: string): void {
    this.#directory(directory);
    const touched = new Set<string>();
    const left: NameChange[] = [];
    const done: NameChange[] = [];
    for (const change of [...this.#unsynced].reverse()) {
      const isDone = change.some(({ path }) => {
        return posix.dirname(path) === directory || touched.has(path);
      });
      (isDone ? done : left).unshift(change);
      if (isDone) for (const { path } of change) touched.add(path);
    }
    for (const change of done) apply(this.#durable, change);
    this.#unsynced = left;
  }

  /** A power cut: leaves what `choose` says. @returns whether anything could be lost */
  cutPower(choose: Choose): boolean {
    const files = new Set<MemoryFile>();
    for (const inode of this.#reachable()) if (inode !== "directory") files.add(inode);
    const isDirty = this.#unsynced.length > 0 || [...files].some((file) => file.isDirty);
    for (const file of files) file.cutPower(choose);
    for (const change of this.#unsynced) if (choose(2) === 1) apply(this.#durable, change);
    this.#unsynced = [];
    this.#names = new Map([["/", "directory"]]);
    // What was in a directory whose name is lost is lost with it.
    const byDepth = [...this.#durable].sort(([a], [b]) => depth(a) - depth(b));
    for (const [path, inode] of byDepth) {
      if (path === "/" || this.#names.get(posix.dirname(path)) === "directory") {
        this.#names.set(path, inode);
      }
    }
    this.#durable = new Map(this.#names);
    return isDirty;
  }

  *#reachable(): Generator<Inode> {
    yield* this.#names.values();
    yield* this.#durable.values();
    for (const change of this.#unsynced) {
      for (const { inode } of change) if (inode !== undefined) yield inode;
    }
  }

  #change(change: NameChange): void {
    apply(this.#names, change);
    this.#unsynced.push(change);
  }

  #parentOf(path: string): void {
    this.#directory(posix.dirname(path));
  }

  #directory(path: string): void {
    const inode = this.#names.get(path);
    if (inode === "directory") return;
    if (inode !== undefined) throw new DiskError("ENOTDIR", path);
    const parent = posix.dirname(path);
    if (parent !== path) this.#directory(parent);
    throw new DiskError("ENOENT", path);
  }
}

function apply(names: Map<string, Inode>, change: NameChange): void {
  for (const { path, inode } of change) {
    if (inode === undefined) names.delete(path);
    else names.set(path, inode);
  }
}

function depth(path: string): number {
  return path === "/" ? 0 : path.split("/").length;
}
