/** Files of the real file system. */
import { randomUUID } from "node:crypto";
import { fstatSync } from "node:fs";
import { type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { OutputFailed } from "./output-failed.js";
import type { NewFile } from "./ports.js";
import { UsageError } from "./usage-error.js";

/** Text held back before it is written. */
const BUFFER_LENGTH = 256 * 1024;
const STDIN = 0;

/** Bytes in the file at `path`; of what standard input reads from for `"-"`. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const stats = path === "-" ? fstatSync(STDIN) : await stat(path);
    return stats.isFile() ? stats.size : undefined;
  } catch {
    // Whoever opens it says what is wrong.
    return undefined;
  }
}

/**
 * Begins a file that is to be at `path`, under another name in the same folder. What is there already and is no file,
 * such as /dev/null or a pipe, is written to as it is.
 */
export async function createFile(path: string): Promise<NewFile> {
  try {
    // A link stays one, and leads to the new file.
    const target = await realpath(path).catch(() => path);
    const old = await stat(target).catch(() => undefined);
    if (old?.isDirectory()) throw new Error("it is a folder");
    if (old?.isFile() === false) return new OpenFile(await open(target, "w"));
    const temporary = `${target}.${randomUUID()}.tmp`;
    const mode = old === undefined ? 0o666 : old.mode & 0o777;
    return new OpenFile(await open(temporary, "wx", mode), { temporary, target });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`cannot write ${path}: ${why}`, undefined, { cause: error });
  }
}

class OpenFile implements NewFile {
  private readonly handle: FileHandle;
  private readonly names: { readonly temporary: string; readonly target: string } | undefined;
  private pending: string[] = [];
  private length = 0;
  private isOver = false;

  constructor(handle: FileHandle, names?: OpenFile["names"]) {
    this.handle = handle;
    this.names = names;
  }

  async write(text: string): Promise<void> {
    this.pending.push(text);
    this.length += text.length;
    if (this.length >= BUFFER_LENGTH) await this.flush();
  }

  async commit(): Promise<void> {
    await this.flush();
    if (this.names !== undefined) await orFail(place(this.handle, this.names));
    else await orFail(this.handle.close());
    this.isOver = true;
  }

  async discard(): Promise<void> {
    if (this.isOver) return;
    this.isOver = true;
    await this.handle.close().catch(() => {});
    if (this.names !== undefined) await rm(this.names.temporary, { force: true }).catch(() => {});
  }

  private async flush(): Promise<void> {
    const text = this.pending.join("");
    this.pending = [];
    this.length = 0;
    await orFail(this.handle.appendFile(text));
  }
}

/** Synced before it is renamed: else a crash could leave an empty file where there was a whole one. */
async function place(
  handle: FileHandle,
  { temporary, target }: { readonly temporary: string; readonly target: string },
): Promise<void> {
  await handle.sync();
  await handle.close();
  await rename(temporary, target);
  // So that the name survives a crash, too. Windows cannot sync folders.
  if (process.platform === "win32") return;
  const folder = await open(dirname(target), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function orFail(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    throw new OutputFailed(error);
  }
}
