/** One terminal for the logs of several nodes: a name before each line, and a status below all of them. */
import type { LogSink } from "../logger.js";

export interface Terminal extends LogSink {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Without red, which is for errors. */
const COLORS = [36, 32, 33, 35, 34, 96, 92, 93, 95];
const MAX_LINE = 16_384;
const DEFAULT_COLUMNS = 80;
const BEGIN_OF_LINE = "\r\u001B[2K";

export class DevScreen {
  readonly #terminal: Terminal;
  readonly #isColored: boolean;
  #status = "";

  /** @param isColored whether names may be coloured */
  constructor(terminal: Terminal, isColored: boolean) {
    this.#terminal = terminal;
    this.#isColored = isColored;
  }

  /** Whether somebody sees a status line. */
  get isLive(): boolean {
    return this.#terminal.isTTY === true;
  }

  /** Prints lines as they are. */
  say(text: string): void {
    if (!this.isLive || this.#status === "") {
      this.#terminal.write(text);
      return;
    }
    this.#terminal.write(`${BEGIN_OF_LINE}${text}${this.#status}`);
  }

  /** Takes what a node prints, in any pieces. @param at its place, for the colour */
  log(name: string, at: number): (chunk: string) => void {
    const color = COLORS[at % COLORS.length] ?? 0;
    const prefix = this.#isColored ? `\u001B[${color}m${name} |\u001B[0m ` : `${name} | `;
    let rest = "";
    return (chunk) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      // A line without an end must not fill our memory.
      if (rest.length > MAX_LINE) {
        lines.push(rest);
        rest = "";
      }
      if (lines.length > 0) this.say(lines.map((line) => `${prefix}${line}\n`).join(""));
    };
  }

  /** Shows `text` below everything, in place of the status before. Nothing without a terminal. */
  status(text: string): void {
    if (!this.isLive) return;
    const columns = this.#terminal.columns ?? DEFAULT_COLUMNS;
    this.#status = text.slice(0, Math.max(columns - 1, 1));
    this.#terminal.write(`${BEGIN_OF_LINE}${this.#status}`);
  }

  /** Takes the status away. */
  endStatus(): void {
    if (this.#status === "") return;
    this.#status = "";
    this.#terminal.write(BEGIN_OF_LINE);
  }
}
