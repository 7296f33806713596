/** Runs work and shows what comes of it. The one place where reports meet renderers and streams. */
import { setMaxListeners } from "node:events";
import { createColors, wantsColor } from "./colors.js";
import type { CommandContext } from "./commands/command.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { type Failure, failureOf, outputFailure } from "./failure.js";
import { Output, OutputClosed } from "./output.js";
import type { CliPorts } from "./ports.js";
import type { Audience, Parsed } from "./program.js";
import { jsonRenderer } from "./render-json.js";
import { createTextRenderer } from "./render-text.js";
import type { Renderer } from "./rendering.js";
import { exitCodeOf } from "./report.js";
import type { Settings } from "./settings.js";
import { StatusLine } from "./status-line.js";
import { UsageError } from "./usage-error.js";

type ParsedWork = Extract<Parsed, { kind: "work" }>;

export class Performer {
  readonly out: Output;
  private readonly err: Output;
  private readonly status: StatusLine;
  private readonly ports: CliPorts;
  private readonly audience: Audience;

  /** @param onBrokenOutput called once when standard output cannot be written any more */
  constructor(ports: CliPorts, audience: Audience, onBrokenOutput: () => void) {
    this.ports = ports;
    this.audience = audience;
    this.out = new Output(ports.stdout, onBrokenOutput);
    this.err = new Output(ports.stderr);
    const { isTTY, columns = 0 } = ports.stderr;
    const canShow = isTTY === true && ports.env["TERM"] !== "dumb";
    this.status = new StatusLine(this.err, canShow ? columns : undefined);
  }

  /** Runs `parsed` to its end, shows reports and failures. Never rejects. */
  async perform(
    { work, settings, usage }: ParsedWork,
    context: Omit<CommandContext, "encodings">,
    place = "",
  ): Promise<ExitCode> {
    const renderer = this.rendererFor(settings);
    // Each call under way listens to it; Node would take more than ten for a leak.
    setMaxListeners(0, context.call.signal);
    let exitCode: ExitCode = EXIT.ok;
    try {
      const { encodings, keyspace } = settings;
      const client = keyspace === undefined ? context.client : context.client.keyspace(keyspace);
      for await (const report of work({ ...context, client, encodings })) {
        const { out, note, status } = renderer.report(report);
        if (status !== undefined) await this.status.show(status).catch(() => {});
        if (out !== undefined) await this.answer(out);
        if (note !== undefined) await this.remark(note);
        if (exitCode === EXIT.ok) exitCode = exitCodeOf(report);
      }
      await this.clearStatus();
      await this.out.flush();
      return exitCode;
    } catch (error) {
      const isUsage = error instanceof UsageError;
      return this.fail(isUsage ? new UsageError(error.message, usage) : error, settings, place);
    }
  }

  /** Prints plain text, such as help. Never rejects. */
  async say(text: string, settings: Settings): Promise<ExitCode> {
    try {
      await this.out.write(text);
      await this.out.flush();
      return EXIT.ok;
    } catch (error) {
      return this.fail(error, settings);
    }
  }

  private async answer(out: string | Uint8Array): Promise<void> {
    // Elsewhere the two do not meet.
    if (this.ports.stdout.isTTY === true) await this.clearStatus();
    await this.out.write(out);
  }

  private async clearStatus(): Promise<void> {
    await this.status.clear().catch(() => {});
  }

  /** Shows why something failed; gives the exit code. `place` goes before it: `"line 3: "`. */
  async fail(reason: unknown, settings: Settings, place = ""): Promise<ExitCode> {
    await this.out.flush().catch(() => {});
    const broken = this.out.failure;
    if (broken instanceof OutputClosed) return EXIT.ok;
    const failure =
      broken === undefined ? failureOf(reason, settings.endpoints) : outputFailure(broken);
    await this.show({ ...failure, message: `${place}${failure.message}` }, settings);
    return failure.exitCode;
  }

  /** Ends the use of the streams. */
  release(): void {
    this.out.release();
    this.err.release();
  }

  private async show(failure: Failure, settings: Settings): Promise<void> {
    await this.remark(this.rendererFor(settings).failure(failure));
  }

  /** Writes to standard error, after what standard output already has. There is no one to tell if it fails. */
  private async remark(text: string): Promise<void> {
    await this.clearStatus();
    await this.out.flush().catch(() => {});
    try {
      await this.err.write(text);
      await this.err.flush();
    } catch {}
  }

  private rendererFor(settings: Settings): Renderer {
    if (settings.json) return jsonRenderer;
    const { encodings, color } = settings;
    const { stdout, stderr, env } = this.ports;
    const isTerminal = stdout.isTTY === true;
    return createTextRenderer({
      audience: this.audience,
      isTerminal,
      screen: isTerminal && env["TERM"] !== "dumb" ? stdout : undefined,
      isNoteTerminal: stderr.isTTY === true,
      encodings,
      colors: createColors(wantsColor(color, env, isTerminal)),
      noteColors: createColors(wantsColor(color, env, stderr.isTTY === true)),
    });
  }
}
