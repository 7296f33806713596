/** Writes a section of docs/benchmarks.md in place, with what one needs to judge it. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { dirname, join } from "node:path";

const ROOT = rootAbove(import.meta.dirname);
const FILE = join(ROOT, "docs", "benchmarks.md");
const HEADER = `# Benchmarks

Each section is written by the command that it names. Ratios travel between machines, absolute figures
do not.
`;

/** The repository's root: built code may lie deeper than its source. */
function rootAbove(directory: string): string {
  if (existsSync(join(directory, "pnpm-workspace.yaml"))) return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error("this file lies in no checkout of the repository");
  return rootAbove(parent);
}

/** Machine, versions, commit and what else kept the machine busy, as one line of text. Ask at the start. */
export function circumstances(): string {
  const git = (...args: string[]) => execFileSync("git", args, { cwd: ROOT }).toString().trim();
  const isDirty = git("status", "--porcelain", "--untracked-files=no") !== "";
  const gibibytes = Math.round(totalmem() / 1024 ** 3);
  return (
    `${cpus()[0]?.model.trim() ?? "unknown CPU"}, ${cpus().length} cores, ${gibibytes} GiB, ` +
    `${process.platform} ${process.arch}, Node ${process.versions.node}, ` +
    `commit ${git("rev-parse", "--short", "HEAD")}${isDirty ? " with local changes" : ""}, ` +
    `load average before the run ${loadavg()[0]?.toFixed(1) ?? "unknown"}`
  );
}

/** Replaces the section `name`, or adds it. */
export function writeSection(name: string, markdown: string): void {
  const begin = `<!-- begin ${name} -->`;
  const end = `<!-- end ${name} -->`;
  const section = `${begin}\n${markdown.trim()}\n${end}`;
  const text = existsSync(FILE) ? readFileSync(FILE, "utf8") : HEADER;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  const changed =
    from >= 0 && to > from
      ? text.slice(0, from) + section + text.slice(to + end.length)
      : `${text.trimEnd()}\n\n${section}\n`;
  writeFileSync(FILE, changed);
}
