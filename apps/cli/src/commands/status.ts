import type { Command } from "commander";
import { parseDuration } from "../duration.js";
import type { Report } from "../report.js";
import { sleep } from "../sleep.js";
import { UsageError } from "../usage-error.js";
import { askAll, askOne } from "./ask-status.js";
import type { CommandContext, Grammar } from "./command.js";

interface StatusFlags {
  readonly watch?: true;
  readonly interval?: number;
}

const DEFAULT_INTERVAL_MS = 1_000;
/** A day: well below what timers can hold. */
const MAX_INTERVAL_MS = 86_400_000;

export function registerStatus(parent: Command, grammar: Grammar): void {
  parent
    .command("status")
    .usage("[options]")
    .summary("show how the servers are")
    .description("Asks every endpoint how it is. Ends with 4 when one cannot be reached.")
    .option("--watch", "look again and again, until Ctrl-C")
    .option("--interval <duration>", "how long --watch waits between looks (default: 1s)", (text) =>
      parseDuration(text, "--interval", MAX_INTERVAL_MS),
    )
    .addHelpText("after", grammar.isShell ? "" : OUTPUT)
    .action(({ watch, interval }: StatusFlags) => {
      if (watch === true) {
        grammar.submit((context) => watchStatus(interval ?? DEFAULT_INTERVAL_MS, context));
        return;
      }
      if (interval !== undefined) throw new UsageError("--interval goes with --watch");
      grammar.submit(status);
    });
}

async function* status(context: CommandContext): AsyncGenerator<Report> {
  const { endpoints } = context;
  for (const endpoint of endpoints) {
    const answer = await askOne(endpoint, context);
    // With several endpoints the next one may still answer; otherwise this is the whole answer.
    if (answer.kind === "no-status" && endpoints.length === 1) throw answer.error;
    yield answer;
  }
}

/** An endpoint that does not answer is shown as such: it may come back. */
async function* watchStatus(intervalMs: number, context: CommandContext): AsyncGenerator<Report> {
  const { call, ports } = context;
  const { clock } = ports;
  for (let isFirst = true; ; isFirst = false) {
    const answers = await askAll(context);
    yield { kind: "status-look", answers, atMs: clock.wallMs(), intervalMs, isFirst };
    await sleep(clock, intervalMs, call.signal);
  }
}

const OUTPUT = `
With --watch a terminal shows the newest look in place; into a pipe or a file they go one after the other, with
--json one object per endpoint and line, with the time. An endpoint that does not answer does not end it; Ctrl-C
does, with 130.

Examples:
  titan status
  titan status --endpoint a:7420,b:7420,c:7420 --watch
  titan status --watch --interval 10s --json >> status.ndjson
`;
