/**
 * What a script command prints. At level `none` everything is silenced but returned errors; the
 * other levels filter log lines alone, of which this driver prints none.
 */
const LEVELS = ["debug", "info", "warn", "error", "fatal", "none"] as const;

type Level = (typeof LEVELS)[number];

const LOG_LINE = /^\s*(DEBUG|INFO|WARN|ERROR|FATAL) /;

export class ScriptOutput {
  #level: Level = "debug";
  #text = "";

  get isQuiet(): boolean {
    return this.#level === "none";
  }

  get level(): Level {
    return this.#level;
  }

  setLevel(name: string): void {
    const level = LEVELS.find((known) => known === name.toLowerCase());
    if (level === undefined) {
      throw new Error(`log levels must be either of [${LEVELS.join(" ").toUpperCase()}]`);
    }
    this.#level = level;
  }

  write(text: string): void {
    if (!this.isQuiet) this.#text += text;
  }

  writeLine(text: string): void {
    this.write(`${text}\n`);
  }

  /** Indents by two blanks what `act` writes, and ends it with a newline. */
  indented(act: () => void): void {
    const before = this.#text;
    this.#text = "";
    act();
    const lines = this.#text.split("\n");
    if (lines.at(-1) === "") lines.pop();
    this.#text = before + lines.map((line) => `  ${line}\n`).join("");
  }

  /** What has been written since the last call. */
  take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }
}

/** Removes log lines, and the "ok" that stands for no output at all. */
export function withoutLogLines(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !LOG_LINE.test(line));
  return lines.length === 1 && lines[0] === "ok" ? "" : lines.join("\n");
}
