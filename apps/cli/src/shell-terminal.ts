/** The shell at a terminal: prompt, editing, history, completion, Ctrl-C and Ctrl-D. */
import { createInterface, type Interface } from "node:readline";
import { type Completion, completeLine } from "./completion.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { HISTORY_LINES, History, historyPath } from "./history.js";
import { Interrupted } from "./interrupted.js";
import type { Shell } from "./shell.js";

export const PROMPT = "titan-kv> ";
/** Lines typed or pasted ahead of the running one, beyond which the terminal is not read. */
const MAX_LINES_AHEAD = 1_000;

type CompletionDone = (error: null, result: Completion) => void;

/** Runs `shell` until QUIT, Ctrl-D, or Ctrl-C twice. */
export async function runTerminal(shell: Shell): Promise<ExitCode> {
  const { ports, settings } = shell;
  const history = await History.open(historyPath(ports.env, ports.homeDirectory));
  await shell.say(
    `Titan at ${settings.endpoints.join(", ")}. HELP lists the commands, Ctrl-D leaves.\n`,
  );
  return new TerminalSession(shell, history).run();
}

class TerminalSession {
  private readonly shell: Shell;
  private readonly history: History;
  private readonly editor: Interface;
  /** Lines that wait for the running one. */
  private readonly ahead: string[] = [];
  private running: AbortController | undefined;
  private isLeaving = false;
  /** Whether the last thing typed was Ctrl-C on an empty line. */
  private isWarned = false;
  private leave: (exitCode: ExitCode) => void = () => {};

  constructor(shell: Shell, history: History) {
    this.shell = shell;
    this.history = history;
    this.editor = createInterface({
      input: shell.ports.stdin,
      output: shell.ports.stdout,
      terminal: true,
      prompt: PROMPT,
      history: history.newestFirst(),
      historySize: HISTORY_LINES,
      removeHistoryDuplicates: true,
      completer: (line: string, done: CompletionDone) => void this.complete(line, done),
    });
  }

  async run(): Promise<ExitCode> {
    const left = new Promise<ExitCode>((resolve) => (this.leave = resolve));
    const release = this.shell.ports.onInterrupt(() => this.interrupt());
    this.editor
      .on("line", (line) => this.accept(line))
      .on("SIGINT", () => this.interrupt())
      .on("close", () => this.hangUp());
    this.editor.prompt();
    const exitCode = await left;
    release();
    this.editor.close();
    await this.history.settled();
    return exitCode;
  }

  /** Offers nothing when the server does not say in time what there is. */
  private async complete(line: string, done: CompletionDone): Promise<void> {
    done(null, await completeLine(line, this.shell.client).catch(() => [[], line] as Completion));
  }

  private accept(line: string): void {
    this.isWarned = false;
    this.history.add(line);
    this.ahead.push(line);
    if (this.ahead.length >= MAX_LINES_AHEAD) this.editor.pause();
    if (this.running === undefined) void this.drain();
  }

  /** Runs the lines that wait, one after the other. Never rejects, because {@link Shell.run} never does. */
  private async drain(): Promise<void> {
    for (let line = this.ahead.shift(); line !== undefined; line = this.ahead.shift()) {
      this.running = new AbortController();
      const { isQuit } = await this.shell.run(line, this.running.signal);
      this.running = undefined;
      if (isQuit || !this.shell.isHeard) {
        this.isLeaving = true;
        return this.leave(EXIT.ok);
      }
    }
    if (this.isLeaving) return this.sayGoodbye();
    this.editor.resume();
    // What was typed meanwhile stays, with the cursor where it is.
    this.editor.prompt(true);
  }

  /** Ctrl-C: cancels what runs; else clears the line; else warns, and leaves the second time. */
  private interrupt(): void {
    if (this.running !== undefined) {
      if (this.running.signal.aborted) return this.leave(EXIT.interrupted);
      this.ahead.length = 0;
      this.running.abort(new Interrupted());
      return;
    }
    const isEmpty = this.editor.line === "";
    if (isEmpty && this.isWarned) return this.editor.close();
    this.isWarned = isEmpty;
    this.shell.ports.stdout.write(isEmpty ? "\n(Ctrl-C again, Ctrl-D or QUIT leaves)\n" : "^C\n");
    this.editor.write(null, { ctrl: true, name: "e" });
    this.editor.write(null, { ctrl: true, name: "u" });
    this.editor.prompt();
  }

  /** Ctrl-D, or the terminal is gone. What runs may finish; what waits is run, as in a script. */
  private hangUp(): void {
    if (this.isLeaving) return;
    this.isLeaving = true;
    if (this.running === undefined) void this.sayGoodbye();
  }

  private async sayGoodbye(): Promise<void> {
    await this.shell.say("\nGoodbye!\n");
    this.leave(EXIT.ok);
  }
}
