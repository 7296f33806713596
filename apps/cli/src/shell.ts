/** The shell: reads lines from a person or a pipe, runs each, and keeps one connection for all. */
import { EXIT, type ExitCode } from "./exit-codes.js";
import { readChunks } from "./input.js";
import { Interrupted } from "./interrupted.js";
import { linesOf } from "./lines.js";
import { Performer } from "./performer.js";
import type { CliPorts } from "./ports.js";
import type { ByteClient } from "./report.js";
import type { Settings } from "./settings.js";
import { parseShellLine, type ShellLine } from "./shell-language.js";
import { runTerminal } from "./shell-terminal.js";

/** What a line came to. */
export interface LineResult {
  readonly exitCode: ExitCode;
  readonly isQuit: boolean;
}

/** A running shell, whoever reads the lines. */
export class Shell {
  readonly settings: Settings;
  readonly ports: CliPorts;
  readonly client: ByteClient;
  private readonly performer: Performer;

  constructor(settings: Settings, ports: CliPorts, client: ByteClient, onBrokenOutput: () => void) {
    this.settings = settings;
    this.ports = ports;
    this.client = client;
    this.performer = new Performer(ports, "shell", onBrokenOutput);
  }

  /** Whether anyone can read what is printed. */
  get isHeard(): boolean {
    return this.performer.out.failure === undefined;
  }

  /** Runs one line and prints what it has to say. `place` goes before errors. Never rejects. */
  async run(line: string, signal: AbortSignal, place = ""): Promise<LineResult> {
    let parsed: ShellLine;
    try {
      parsed = parseShellLine(line, this.settings);
    } catch (error) {
      return this.notQuit(await this.performer.fail(error, this.settings, place));
    }
    switch (parsed.kind) {
      case "nothing":
        return this.notQuit(EXIT.ok);
      case "quit":
        await this.say("Goodbye!\n");
        return { exitCode: EXIT.ok, isQuit: true };
      case "text":
        return this.notQuit(await this.say(parsed.text));
      case "work": {
        const { endpoints, timeoutMs } = parsed.settings;
        const { ports } = this;
        const { openFile, sizeOf } = ports;
        const inputs = { stdin: undefined, openFile, sizeOf };
        const call = { timeoutMs, signal };
        const context = { client: this.client, endpoints, inputs, ports, call };
        return this.notQuit(await this.performer.perform(parsed, context, place));
      }
    }
  }

  say(text: string): Promise<ExitCode> {
    return this.performer.say(text, this.settings);
  }

  fail(error: unknown): Promise<ExitCode> {
    return this.performer.fail(error, this.settings);
  }

  release(): void {
    this.performer.release();
  }

  private notQuit(exitCode: ExitCode): LineResult {
    return { exitCode, isQuit: false };
  }
}

/** Runs the shell until it is left. @throws UsageError when an endpoint is not an address */
export async function runShell(settings: Settings, ports: CliPorts): Promise<ExitCode> {
  const { endpoints, timeoutMs } = settings;
  const client = await ports.openClient({ endpoints, timeoutMs });
  const interruption = new AbortController();
  const shell = new Shell(settings, ports, client, () => interruption.abort());
  try {
    if (ports.stdin.isTTY === true && ports.stdout.isTTY === true) return await runTerminal(shell);
    return await runScript(shell, interruption);
  } finally {
    shell.release();
    await client.close().catch(() => {});
  }
}

/** After these the lines that follow would meet the same, or build on a write that may not be there. */
const ENDS_SCRIPT: ReadonlySet<ExitCode> = new Set<ExitCode>([
  EXIT.unavailable,
  EXIT.unknown,
  EXIT.interrupted,
]);

/** Lines from a pipe or a file: no prompt; ends with the first exit code that is not 0. */
async function runScript(shell: Shell, interruption: AbortController): Promise<ExitCode> {
  const release = shell.ports.onInterrupt(() => interruption.abort(new Interrupted()));
  let exitCode: ExitCode = EXIT.ok;
  try {
    for await (const line of linesOf(readChunks(shell.ports, "-", interruption.signal))) {
      const result = await shell.run(line.text, interruption.signal, `line ${line.number}: `);
      if (exitCode === EXIT.ok) exitCode = result.exitCode;
      if (result.isQuit || ENDS_SCRIPT.has(result.exitCode) || !shell.isHeard) break;
    }
    return exitCode;
  } catch (error) {
    return await shell.fail(error);
  } finally {
    release();
  }
}
