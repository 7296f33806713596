/**
 * Lines of the shell, kept from one run to the next: at most {@link HISTORY_LINES}, in a file that only its
 * owner can read. A line that begins with a blank is not kept, nor is one longer than
 * {@link MAX_LINE_LENGTH}. Where the file cannot be used there is history for this run only.
 */
import { appendFile, chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import type { Environment } from "./ports.js";

export const HISTORY_LINES = 1_000;
const MAX_LINE_LENGTH = 4_096;

/**
 * `$TITAN_HISTORY` (empty: no file), else `titan/history` in `$XDG_STATE_HOME`, else in `~/.local/state`
 * (XDG Base Directory Specification 0.8, which has relative paths ignored).
 */
export function historyPath(env: Environment, homeDirectory: string): string | undefined {
  const named = env["TITAN_HISTORY"];
  if (named !== undefined) return named === "" ? undefined : named;
  const state = env["XDG_STATE_HOME"] ?? "";
  const directory = isAbsolute(state) ? state : join(homeDirectory, ".local", "state");
  return join(directory, "titan", "history");
}

export class History {
  private readonly path: string | undefined;
  private readonly lines: string[];
  /** Writes happen one after the other. Never rejects. */
  private writing: Promise<void> = Promise.resolve();

  private constructor(path: string | undefined, lines: string[]) {
    this.path = path;
    this.lines = lines;
  }

  /** Reads the file at `path` and shortens it when it has grown to twice its bound. */
  static async open(path: string | undefined): Promise<History> {
    if (path === undefined) return new History(undefined, []);
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const all = (await readLines(path)).filter((line) => line !== "");
      const lines = all.slice(-HISTORY_LINES);
      if (all.length > 2 * HISTORY_LINES) await replace(path, lines);
      return new History(path, lines);
    } catch {
      return new History(undefined, []);
    }
  }

  /** As readline wants it. */
  newestFirst(): string[] {
    return this.lines.toReversed();
  }

  /** Adds a line that was entered. */
  add(line: string): void {
    const isKept = line.trim() !== "" && !/^\s/.test(line) && line.length <= MAX_LINE_LENGTH;
    if (!isKept || line === this.lines.at(-1)) return;
    this.lines.push(line);
    if (this.lines.length > HISTORY_LINES) this.lines.shift();
    const { path } = this;
    if (path === undefined) return;
    // Appended line by line, so that shells side by side all keep theirs and a crash loses nothing.
    this.writing = this.writing
      .then(() => appendFile(path, `${line}\n`, { mode: 0o600 }))
      .catch(() => {});
  }

  /** Resolves when all lines are in the file. */
  settled(): Promise<void> {
    return this.writing;
  }
}

async function readLines(path: string): Promise<string[]> {
  try {
    const text = await readFile(path, "utf8");
    await chmod(path, 0o600);
    return text.split("\n");
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return [];
    throw error;
  }
}

async function replace(path: string, lines: readonly string[]): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, `${lines.join("\n")}\n`, { mode: 0o600 });
  await rename(temporary, path);
}
