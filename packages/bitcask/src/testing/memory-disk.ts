/**
 * A disk with POSIX names, in memory: files with their two images, directories with theirs, and what a
 * power cut may leave of them. No promises, no faults, no clock: `memory-file-system.ts` adds those.
 *
 * Disk assumptions, deliberately on the weak side of what Linux file systems give:
 * - A sector of 512 bytes is written whole or not at all; each dirty sector holds, after the cut, its
 *   durable content or any one of the contents that it has had since, independently of all others.
 * - The size of a file is its durable one, or any that it has had since, or, while growing, any sector
 *   boundary on the way. What lies inside the size but was never written reads as zeros.
 * - Names survive as `name-journal.ts` says; a file's sync does not save its name.
 * - A sync that has answered with success holds for ever; bits rot only where a test flips them.
 */
import { posix } from "node:path";
import type { FileStat } from "../ports.js";
import type { CrashChoice, CrashDecision } from "./crash-choice.js";
import { FileSystemError } from "./file-system-error.js";
import { MemoryFile } from "./memory-file.js";
import { type NameAssignment, NameJournal } from "./name-journal.js";

const ROOT = 1;

interface Place {
  readonly directory: number;
  readonly name: string;
  readonly inode: number | undefined;
}

export class MemoryDisk {
  private names = new NameJournal();
  private files = new Map<number, MemoryFile>();
  private directories = new Set<number>([ROOT]);
  private lastInode = ROOT;

  /** The file at `path`. @throws FileSystemError `ENOENT`, `ENOTDIR`, `EISDIR` */
  file(path: string): MemoryFile {
    const { inode } = this.locate(path);
    if (inode === undefined) throw new FileSystemError("ENOENT", path, "no such file");
    const file = this.files.get(inode);
    if (file === undefined) throw new FileSystemError("EISDIR", path, "is a directory");
    return file;
  }

  /** Creates an empty file. @throws FileSystemError `EEXIST`, `ENOENT`, `ENOTDIR` */
  create(path: string): MemoryFile {
    const { directory, name, inode } = this.locate(path);
    if (inode !== undefined) throw new FileSystemError("EEXIST", path, "the name is taken");
    this.lastInode += 1;
    const file = new MemoryFile(this.lastInode);
    this.files.set(file.inode, file);
    this.assign(`create ${path}`, { directory, name, inode: file.inode });
    return file;
  }

  stat(path: string): FileStat | undefined {
    const inode = this.find(path);
    if (inode === undefined) return undefined;
    const file = this.files.get(inode);
    if (file === undefined) return { kind: "directory", size: 0, inode };
    return { kind: "file", size: file.size, inode };
  }

  list(path: string): readonly string[] {
    return [...this.names.entries(this.directory(path)).keys()];
  }

  makeDirectory(path: string): void {
    const segments = this.segments(path);
    for (let depth = 1; depth <= segments.length; depth += 1) {
      const here = `/${segments.slice(0, depth).join("/")}`;
      const { directory, name, inode } = this.locate(here);
      if (inode !== undefined && !this.directories.has(inode)) {
        throw new FileSystemError(depth < segments.length ? "ENOTDIR" : "EEXIST", path);
      }
      if (inode !== undefined) continue;
      this.lastInode += 1;
      this.directories.add(this.lastInode);
      this.assign(`mkdir ${here}`, { directory, name, inode: this.lastInode });
    }
  }

  removeDirectory(path: string): void {
    const { directory, name } = this.locate(path);
    const inode = this.directory(path);
    if (inode === ROOT) throw new FileSystemError("EBUSY", path, "is the root");
    if (this.names.entries(inode).size > 0) throw new FileSystemError("ENOTEMPTY", path);
    this.assign(`rmdir ${path}`, { directory, name, inode: undefined });
  }

  rename(from: string, to: string): void {
    const source = this.locate(from);
    if (source.inode === undefined) throw new FileSystemError("ENOENT", from, "no such file");
    const target = this.locate(to);
    if (target.inode === source.inode) return;
    if (target.inode !== undefined && this.directories.has(target.inode)) {
      throw new FileSystemError("EISDIR", to, "a directory is in the way");
    }
    if (target.inode !== undefined && this.directories.has(source.inode)) {
      throw new FileSystemError("ENOTDIR", to, "a file is in the way");
    }
    this.assign(
      `rename ${from} to ${to}`,
      { directory: source.directory, name: source.name, inode: undefined },
      { directory: target.directory, name: target.name, inode: source.inode },
    );
  }

  link(existing: string, created: string): void {
    const { inode } = this.file(existing);
    const target = this.locate(created);
    if (target.inode !== undefined) throw new FileSystemError("EEXIST", created, "name is taken");
    const { directory, name } = target;
    this.assign(`link ${existing} as ${created}`, { directory, name, inode });
  }

  unlink(path: string): void {
    this.file(path);
    const { directory, name } = this.locate(path);
    this.assign(`unlink ${path}`, { directory, name, inode: undefined });
  }

  syncDirectory(path: string): void {
    this.names.sync(this.directory(path));
  }

  /** Bytes in files that a name or an open handle keeps. */
  usedBytes(): number {
    const inodes = new Set([...this.walk()].map(([, inode]) => inode));
    let bytes = 0;
    for (const file of this.files.values()) {
      if (inodes.has(file.inode) || file.openHandles > 0) bytes += file.size;
    }
    return bytes;
  }

  /** Every path of a file, sorted. */
  paths(): readonly string[] {
    const files = [...this.walk()].filter(([, inode]) => this.files.has(inode));
    return files.map(([path]) => path).sort();
  }

  /** An independent twin, without what nothing refers to any more. */
  clone(): MemoryDisk {
    const twin = new MemoryDisk();
    const referenced = this.names.referenced();
    twin.names = this.names.clone();
    twin.directories = new Set(this.directories);
    twin.lastInode = this.lastInode;
    for (const [inode, file] of this.files) {
      if (referenced.has(inode)) twin.files.set(inode, file.clone());
    }
    return twin;
  }

  /** What is open when power fails now, in a fixed order: names first, then file by file. */
  crashDecisions(): readonly CrashDecision[] {
    const decisions: CrashDecision[] = this.names
      .pending()
      .map(({ label }) => ({ label, options: 2 }));
    for (const file of this.dirtyFiles()) {
      const sizes = file.sizeCandidates().length;
      if (sizes > 1) decisions.push({ label: `size of inode ${file.inode}`, options: sizes });
      for (const sector of file.dirtySectors()) {
        const label = `sector ${sector} of inode ${file.inode}`;
        decisions.push({ label, options: file.versionCount(sector) + 1 });
      }
    }
    return decisions;
  }

  /**
   * The disk that the next boot finds.
   * @param choice one number for each of {@link MemoryDisk.crashDecisions}; 0 loses the effect, the
   *   highest keeps all of it
   */
  crash(choice: CrashChoice): MemoryDisk {
    let next = 0;
    const take = (count: number): number[] => {
      const taken = Array.from({ length: count }, (_, index) => choice[next + index] ?? 0);
      next += count;
      return taken;
    };
    const survivor = new MemoryDisk();
    const kept = take(this.names.pending().length).map((option) => option > 0);
    survivor.names = this.names.survive(kept);
    survivor.directories = new Set(this.directories);
    survivor.lastInode = this.lastInode;
    const referenced = survivor.names.referenced();
    const dirty = new Set(this.dirtyFiles());
    for (const [inode, file] of this.files) {
      const [size = 0] = dirty.has(file) && file.sizeCandidates().length > 1 ? take(1) : [];
      const sectors = dirty.has(file) ? take(file.dirtySectors().length) : [];
      if (referenced.has(inode)) survivor.files.set(inode, file.survive({ size, sectors }));
    }
    return survivor;
  }

  private dirtyFiles(): MemoryFile[] {
    const referenced = this.names.referenced();
    return [...this.files.values()].filter(
      (file) =>
        referenced.has(file.inode) &&
        (file.dirtySectors().length > 0 || file.sizeCandidates().length > 1),
    );
  }

  private assign(label: string, ...assignments: NameAssignment[]): void {
    this.names.change({ label, assignments });
  }

  private segments(path: string): string[] {
    const isPlain = path.startsWith("/") && !path.includes("/.");
    const absolute = isPlain ? path : posix.resolve("/", path);
    return absolute.split("/").filter((segment) => segment !== "");
  }

  private find(path: string): number | undefined {
    let inode: number | undefined = ROOT;
    for (const segment of this.segments(path)) {
      inode = this.names.entries(inode).get(segment);
      if (inode === undefined) return undefined;
    }
    return inode;
  }

  private directory(path: string): number {
    const inode = this.find(path);
    if (inode === undefined) throw new FileSystemError("ENOENT", path, "no such directory");
    if (!this.directories.has(inode)) throw new FileSystemError("ENOTDIR", path);
    return inode;
  }

  private locate(path: string): Place {
    const segments = this.segments(path);
    const name = segments.pop();
    if (name === undefined) return { directory: ROOT, name: "", inode: ROOT };
    const directory = this.directory(`/${segments.join("/")}`);
    return { directory, name, inode: this.names.entries(directory).get(name) };
  }

  private *walk(directory = ROOT, prefix = ""): Generator<[path: string, inode: number]> {
    for (const [name, inode] of this.names.entries(directory)) {
      yield [`${prefix}/${name}`, inode];
      if (this.directories.has(inode)) yield* this.walk(inode, `${prefix}/${name}`);
    }
  }
}
