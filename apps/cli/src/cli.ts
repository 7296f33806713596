/** The command: one thing when arguments name one, else a shell. */
import type { ExitCode } from "./exit-codes.js";
import { Interrupted } from "./interrupted.js";
import { Performer } from "./performer.js";
import type { CliPorts } from "./ports.js";
import { type Parsed, parseWords } from "./program.js";
import type { ByteClient } from "./report.js";
import { initialSettings, type Settings } from "./settings.js";
import { runShell } from "./shell.js";

/**
 * Runs the command with `words`, the arguments after its name. Everything printed has left the process
 * when it resolves. Never rejects.
 */
export async function runCli(words: readonly string[], ports: CliPorts): Promise<ExitCode> {
  const interruption = new AbortController();
  const performer = new Performer(ports, "command", () => interruption.abort());
  const base = settingsForErrors(words, ports);
  try {
    const { version } = ports;
    const parsed = parseWords(words, {
      audience: "command",
      base: initialSettings(ports.env),
      version,
    });
    switch (parsed.kind) {
      case "text":
        return await performer.say(parsed.text, base);
      case "work":
        return await runOnce(parsed, performer, ports, interruption);
      case "shell":
        performer.release();
        return await runShell(parsed.settings, ports);
    }
  } catch (error) {
    return await performer.fail(error, base);
  } finally {
    performer.release();
  }
}

/** A command line that cannot be parsed still says whether its errors are to be JSON. */
function settingsForErrors(words: readonly string[], { env }: CliPorts): Settings {
  const end = words.indexOf("--");
  const own = end < 0 ? words : words.slice(0, end);
  return { ...initialSettings(env), json: own.includes("--json") };
}

async function runOnce(
  parsed: Extract<Parsed, { kind: "work" }>,
  performer: Performer,
  ports: CliPorts,
  interruption: AbortController,
): Promise<ExitCode> {
  const { endpoints, timeoutMs } = parsed.settings;
  const client = await ports.openClient({ endpoints, timeoutMs });
  const release = ports.onInterrupt(() => interruption.abort(new Interrupted()));
  try {
    const { stdin, openFile, sizeOf } = ports;
    const { signal } = interruption;
    const call = { timeoutMs, signal };
    const code = await performer.perform(parsed, {
      client,
      endpoints,
      inputs: { stdin, openFile, sizeOf },
      ports,
      call,
    });
    return code;
  } finally {
    release();
    await closeQuietly(client);
  }
}

/** The work is done and reported; a connection that does not end well changes nothing about that. */
async function closeQuietly(client: ByteClient): Promise<void> {
  await client.close().catch(() => {});
}
