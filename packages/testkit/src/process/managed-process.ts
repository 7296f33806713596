/**
 * A server as a process of its own that can be killed, stopped, continued and started again, and whose
 * output is kept. Ends nothing but what it started, by its pid, and ends that when this process does.
 */
import { type ChildProcess, fork } from "node:child_process";

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ProcessOptions {
  /** For people. */
  readonly name: string;
  /** A Node program. It may tell its parent `{ type: "listening" }` when it serves. */
  readonly script: string;
  readonly args: readonly string[];
  /** Beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeFlags?: readonly string[];
}

/** Characters of output that are kept of each process, the last ones. */
const MAX_OUTPUT = 1024 * 1024;

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class ManagedProcess {
  readonly name: string;
  readonly #options: ProcessOptions;
  #args: readonly string[];
  #child: ChildProcess | undefined;
  #ended: Promise<Ending> = Promise.resolve({ code: null, signal: null });
  #listening: Promise<Record<string, unknown>> | undefined;
  #output = "";
  #isStopped = false;
  #isMeantToEnd = true;
  #unexpected: Ending | undefined;

  constructor(options: ProcessOptions) {
    this.name = options.name;
    this.#options = options;
    this.#args = options.args;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Whether SIGSTOP holds it. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Standard output and error of all its lives, in order; of long ones the end. */
  get output(): string {
    return this.#output;
  }

  /** How it ended when nobody asked it to; undefined when it never did. */
  get unexpectedEnding(): Ending | undefined {
    return this.#unexpected;
  }

  /** Starts it. @param args instead of those of before */
  start(args: readonly string[] = this.#args): void {
    if (this.#child !== undefined) throw new Error(`${this.name} runs already`);
    const { script, env, nodeFlags = [] } = this.#options;
    this.#args = args;
    const child = fork(script, args, {
      env: { ...process.env, ...env },
      execArgv: [...nodeFlags],
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    running.add(child);
    this.#child = child;
    this.#isMeantToEnd = false;
    this.#isStopped = false;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => this.#keep(text));
    }
    this.#ended = this.#whenEnded(child);
    this.#listening = new Promise((resolve, reject) => {
      child.on("message", (message: Record<string, unknown>) => {
        if (message["type"] === "listening") resolve(message);
      });
      void this.#ended.then(({ code, signal }) =>
        reject(
          new Error(`${this.name} ended with ${signal ?? code}:\n${this.#output.slice(-4000)}`),
        ),
      );
    });
    // Who never waits for it need not hear that it did not come to that.
    this.#listening.catch(() => undefined);
  }

  /** What it told its parent when it served. @throws Error with its output when it ended before */
  async listening(): Promise<Record<string, unknown>> {
    if (this.#listening === undefined) throw new Error(`${this.name} was not started`);
    return this.#listening;
  }

  /** SIGKILL, and waits for the end. */
  kill(): Promise<Ending> {
    return this.#end("SIGKILL");
  }

  /** SIGTERM, and waits for the end. */
  terminate(): Promise<Ending> {
    return this.#end("SIGTERM");
  }

  /** SIGSTOP: it is there, its connections are open, and it does nothing. */
  pause(): void {
    if (this.#child?.kill("SIGSTOP") === true) this.#isStopped = true;
  }

  /** SIGCONT. */
  resume(): void {
    this.#child?.kill("SIGCONT");
    this.#isStopped = false;
  }

  /** How its present or last life ends. */
  ended(): Promise<Ending> {
    return this.#ended;
  }

  #end(signal: "SIGKILL" | "SIGTERM"): Promise<Ending> {
    this.#isMeantToEnd = true;
    this.#child?.kill(signal);
    // SIGTERM would wait for it.
    if (this.#isStopped) this.resume();
    return this.#ended;
  }

  #whenEnded(child: ChildProcess): Promise<Ending> {
    return new Promise((resolve) => {
      const onEnd = (ending: Ending): void => {
        running.delete(child);
        this.#child = undefined;
        this.#isStopped = false;
        if (!this.#isMeantToEnd) this.#unexpected ??= ending;
        resolve(ending);
      };
      child.once("exit", (code, signal) => onEnd({ code, signal }));
      child.once("error", (error) => {
        this.#keep(`${String(error)}\n`);
        if (child.pid === undefined) onEnd({ code: null, signal: null });
      });
    });
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-MAX_OUTPUT);
  }
}
