import type { Lock } from "@titan/client";
import type { Command } from "commander";
import { formatDuration, parseDuration } from "../duration.js";
import { EXIT } from "../exit-codes.js";
import { failureOf, isClientError } from "../failure.js";
import { LockFailure } from "../lock-failure.js";
import type { Report } from "../report.js";
import { superviseCommand } from "../supervise.js";
import { UsageError } from "../usage-error.js";
import { type CommandContext, type Grammar, toKey } from "./command.js";

const DEFAULT_TTL_MS = 10_000;
const LEAST_TTL_MS = 1_000;
/** Most for both durations, and the default of the wait: well below what timers can hold. */
const DAY_MS = 86_400_000;

interface LockFlags {
  readonly ttl?: number;
  /** `false`: not at all. */
  readonly wait?: number | false;
}

/** A command line, as `lock` has it behind the key. */
type Words = readonly [command: string, args: readonly string[]];

export function registerLock(parent: Command, grammar: Grammar): void {
  // The shell reads the terminal that the command would have to share with it.
  if (grammar.isShell) return;
  parent
    .command("lock")
    .usage("<key> [options] -- <command> [arguments]")
    .summary("run a command while holding a lock")
    .description(
      "Takes the lock that a key stands for, runs a command, and frees the lock. The key is the lock's alone: no value " +
        "is to be stored under it. The lock is renewed for as long as the command runs.",
    )
    .argument("<key>", "the lock's key")
    .argument("<command>", "what to run")
    .argument("[arguments...]", "its arguments")
    .option(
      "--ttl <duration>",
      "until the lock is free when this machine is gone (default: 10s)",
      parseTtl,
    )
    .option("--wait <duration>", "wait at most so long for the lock (default: 24h)", (text) =>
      parseDuration(text, "--wait", DAY_MS),
    )
    .option("--no-wait", "give up at once when somebody else holds it")
    .addHelpText("after", NOTES)
    .action((key: string, command: string, args: readonly string[], flags: LockFlags) => {
      grammar.submit((context) => lockAndRun(key, [command, args], flags, context));
    });
}

function parseTtl(text: string): number {
  const ttlMs = parseDuration(text, "--ttl", DAY_MS);
  if (ttlMs >= LEAST_TTL_MS) return ttlMs;
  throw new UsageError("--ttl must be at least 1s");
}

async function* lockAndRun(
  key: string,
  [command, args]: Words,
  flags: LockFlags,
  context: CommandContext,
): AsyncGenerator<Report> {
  const { ports, call, endpoints } = context;
  if (command === "") throw new UsageError("the command is empty");
  const keyBytes = toKey(key, context);
  const lock = yield* take(keyBytes, flags, context);
  let releaseError: unknown;
  let exitCode: Extract<Report, { kind: "command-ended" }>["exitCode"];
  try {
    yield { kind: "lock-taken" };
    if (call.signal.aborted) throw call.signal.reason;
    const env = { TITAN_LOCK_KEY: key, TITAN_LOCK_TOKEN: String(lock.token) };
    exitCode = await superviseCommand({ command, args, env }, lock, ports);
  } finally {
    await lock.release().catch((error: unknown) => (releaseError = error));
  }
  if (releaseError !== undefined) {
    const ttlMs = flags.ttl ?? DEFAULT_TTL_MS;
    const failure = failureOf(releaseError, endpoints);
    yield { kind: "lock-not-released", key: keyBytes, ttlMs, failure };
  }
  yield { kind: "command-ended", exitCode };
}

async function* take(
  key: Uint8Array,
  { ttl: ttlMs = DEFAULT_TTL_MS, wait = DAY_MS }: LockFlags,
  { client, call, endpoints }: CommandContext,
): AsyncGenerator<Report, Lock> {
  // Asked first, within --timeout: a server that does not answer is something else than a lock that is held.
  const free = await client.tryLock(key, { ...call, ttlMs }).catch((error: unknown) => {
    if (call.signal.aborted) throw call.signal.reason;
    // The client's own words are about a lock that is not free.
    throw isTimeout(error) ? noAnswer(call.timeoutMs, ttlMs, endpoints) : error;
  });
  if (free !== undefined) return free;
  if (wait === false) throw notFree("somebody else holds the lock", "not-applied");
  yield { kind: "lock-awaited", key };
  try {
    return await client.lock(key, { ...call, ttlMs, timeoutMs: wait });
  } catch (error) {
    if (call.signal.aborted) throw call.signal.reason;
    if (!isTimeout(error)) throw error;
    throw notFree(`the lock was not free within ${formatDuration(wait)}`, "unknown");
  }
}

/** Whether the time for it was over, given that it was not we who gave up. */
function isTimeout(error: unknown): boolean {
  if (!isClientError(error)) return false;
  // The end of the wait aborts the call that is under way just then, and it may be that which is told.
  return error.code === "CLIENT_TIMEOUT" || error.code === "CLIENT_ABORTED";
}

function noAnswer(timeoutMs: number, ttlMs: number, endpoints: readonly string[]): LockFailure {
  const within = `no server answered within ${formatDuration(timeoutMs)}`;
  const end = `should the lock be ours, it is free in ${formatDuration(ttlMs)}`;
  return new LockFailure({
    ...{ code: "CLIENT_TIMEOUT", outcome: "unknown", exitCode: EXIT.unavailable },
    message: `${within} (${endpoints.join(", ")}); ${end}`,
    advice: "The command was not run. Try again, or give it longer with --timeout 30s.",
  });
}

function notFree(message: string, outcome: "not-applied" | "unknown"): LockFailure {
  const advice = "The command was not run.";
  return new LockFailure({
    ...{ code: "LOCK_NOT_FREE", advice, outcome },
    message,
    exitCode: EXIT.lockNotFree,
  });
}

const NOTES = `
The command gets TITAN_LOCK_KEY, the key as it is given here, and TITAN_LOCK_TOKEN, a number that grows with
each holder of the lock: whoever takes orders from holders can refuse those with a smaller one. SIGINT and
SIGTERM are passed on to it, and then the lock is freed.

Ends with the command's exit code, or 128 and the signal's number. Its own exit codes:
  121  the lock was not free in time; the command was not run
  122  the lock was lost while the command ran: it got SIGTERM and, 5s later, SIGKILL
  126  the command could not be run
  127  there is no such command
What a command has started is not ended with it: use exec in scripts.

Examples:
  titan lock jobs/report -- ./report.sh --daily
  titan lock jobs/report --no-wait -- ./report.sh || echo "runs elsewhere"
  titan lock deploy --wait 10m --ttl 1m -- sh -c 'make build && exec make deploy'
`;
