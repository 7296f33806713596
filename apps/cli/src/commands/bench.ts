import { type Command, Option } from "commander";
import { type BenchPlan, type Load, runBench } from "../bench/bench.js";
import { benchKey, MAX_BENCH_KEYS, removeBenchKeys } from "../bench/bench-keys.js";
import { DEFAULT_MIX, type Mix, parseMix } from "../bench/mix.js";
import { parseDuration } from "../duration.js";
import { decodeArgument } from "../encoding.js";
import { type Failure, failureOf } from "../failure.js";
import { MAX_VALUE_BYTES } from "../input.js";
import { checkKey } from "../key.js";
import type { Report } from "../report.js";
import { UsageError } from "../usage-error.js";
import type { CommandContext, Grammar } from "./command.js";
import { parseCount } from "./count.js";
import { parseSize } from "./size.js";

interface BenchFlags {
  readonly rate?: number;
  readonly maxInFlight?: number;
  readonly callers?: number;
  readonly duration?: number;
  readonly mix?: Mix;
  readonly keys?: number;
  readonly valueSize?: number;
  readonly distribution: "uniform" | "zipf";
  readonly prefix?: string;
  readonly keep?: true;
}

const DEFAULTS = {
  ...{ callers: 16, maxInFlight: 256, durationMs: 10_000, keyCount: 10_000, valueBytes: 100 },
  prefix: "titan-bench/",
};
const MAX_RATE = 1_000_000;
const MAX_AT_ONCE = 65_536;
/** A day: well below what timers can hold. */
const MAX_DURATION_MS = 86_400_000;

export function registerBench(parent: Command, grammar: Grammar): void {
  parent
    .command("bench")
    .usage("[options]")
    .summary("put load on a cluster, and measure it")
    .description(
      "Puts load on a cluster, and prints how long calls took, how many there were and how many " +
        "failed. With --rate calls come at fixed times, whatever becomes of those before, and latency " +
        "counts from these times; without, so many callers call again once they are answered. Ends " +
        "with 1 when a call failed.",
    )
    .option("--rate <count>", "calls per second", parseCount("--rate", MAX_RATE))
    .option(
      "--max-in-flight <count>",
      `with --rate: calls under way at once; more are not sent, but counted (default: ${DEFAULTS.maxInFlight})`,
      parseCount("--max-in-flight", MAX_AT_ONCE),
    )
    .option(
      "--callers <count>",
      `without --rate: callers (default: ${DEFAULTS.callers})`,
      parseCount("--callers", MAX_AT_ONCE),
    )
    .option("--duration <duration>", "how long calls are made (default: 10s)", (text) =>
      parseDuration(text, "--duration", MAX_DURATION_MS),
    )
    .option("--mix <mix>", "get, put, delete, and how often (default: get=95,put=5)", parseMix)
    .option(
      "--keys <count>",
      `how many different keys (default: ${DEFAULTS.keyCount})`,
      parseCount("--keys", MAX_BENCH_KEYS),
    )
    .option(
      "--value-size <size>",
      `bytes of each value: 100, 4KiB, 1MiB (default: ${DEFAULTS.valueBytes})`,
      (text) => parseSize(text, "--value-size", MAX_VALUE_BYTES),
    )
    .addOption(
      new Option("--distribution <name>", "whether all keys are called alike, or a few most often")
        .choices(["uniform", "zipf"])
        .default("uniform"),
    )
    .option("--prefix <prefix>", `what its keys begin with (default: ${DEFAULTS.prefix})`)
    .option("--keep", "leave its keys there afterwards")
    .addHelpText("after", grammar.isShell ? "" : OUTPUT)
    .action((flags: BenchFlags) => {
      const load = toLoad(flags);
      grammar.submit((context) => bench(toPlan(flags, load, context), context));
    });
}

function toLoad({ rate, maxInFlight, callers }: BenchFlags): Load {
  if (rate === undefined) {
    if (maxInFlight !== undefined) throw new UsageError("--max-in-flight goes with --rate");
    return { callers: callers ?? DEFAULTS.callers };
  }
  if (callers !== undefined) throw new UsageError("give --rate or --callers, not both");
  return { ratePerSecond: rate, maxInFlight: maxInFlight ?? DEFAULTS.maxInFlight };
}

function toPlan(flags: BenchFlags, load: Load, { encodings }: CommandContext): BenchPlan {
  const { prefix } = flags;
  const plan = {
    load,
    durationMs: flags.duration ?? DEFAULTS.durationMs,
    mix: flags.mix ?? DEFAULT_MIX,
    prefix:
      prefix === undefined
        ? Buffer.from(DEFAULTS.prefix)
        : decodeArgument(prefix, encodings.key, "prefix"),
    keyCount: flags.keys ?? DEFAULTS.keyCount,
    valueBytes: flags.valueSize ?? DEFAULTS.valueBytes,
    distribution: flags.distribution,
    keep: flags.keep === true,
  };
  checkKey(benchKey(plan.prefix, 0));
  return plan;
}

async function* bench(plan: BenchPlan, context: CommandContext): AsyncGenerator<Report> {
  const { client, call } = context;
  // Says what is wrong before there is load, and has the connection made before anything is measured.
  await client.get(benchKey(plan.prefix, 0), call);
  yield { kind: "bench-begun", plan };
  const result = await runBench(plan, { ...context, ...context.ports });
  let failure: Failure | undefined;
  try {
    yield { kind: "bench-ended", result };
  } finally {
    // Also when Ctrl-C has ended the load, or nobody reads the result.
    if (plan.mix.has("put") && !plan.keep) failure = await clean(plan, context);
  }
  if (failure !== undefined) yield { kind: "bench-keys-left", prefix: plan.prefix, failure };
}

/** Never rejects. */
async function clean(
  { prefix }: BenchPlan,
  { client, call, endpoints }: CommandContext,
): Promise<Failure | undefined> {
  const { timeoutMs, signal } = call;
  try {
    // The signal that has ended the load must not end this, too: then a second Ctrl-C ends the process.
    await removeBenchKeys(client, prefix, signal.aborted ? { timeoutMs } : { timeoutMs, signal });
    return undefined;
  } catch (error) {
    return failureOf(error, endpoints);
  }
}

const OUTPUT = `
Latencies are in milliseconds, of calls that were answered well, and within 1 % (p99.9: one in a
thousand took longer). Keys are <prefix>key-0000000000 and so on; what has this form under the prefix is
removed in the end, unless nothing was put. Gets of keys that nobody has put yet find nothing: to fill the
store first, see the examples. Ctrl-C prints what was measured till then, and removes the keys; a second
one leaves them.

Examples:
  titan bench
  titan bench --rate 2000 --duration 1m --mix get=80,put=20 --distribution zipf
  titan bench --mix put=1 --duration 30s --keep && titan bench --mix get=1 --rate 5000
  titan bench --callers 64 --value-size 4KiB --json
`;
