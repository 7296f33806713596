/** A benchmark from a plan: what to call, how often, and what came of it. */
import { Buffer } from "node:buffer";
import { failureOf } from "../failure.js";
import type { Clock, Random } from "../ports.js";
import type { ByteClient } from "../report.js";
import { ClosedLoop, OpenLoop } from "./arrivals.js";
import { benchKey } from "./bench-keys.js";
import { runLoad } from "./load-run.js";
import { type CallOutcome, Measurements, type OperationResult } from "./measurements.js";
import { type BenchOperation, drawFrom, type Mix } from "./mix.js";
import { zipf } from "./zipf.js";

/** Who calls: an open loop, or a closed one. */
export type Load =
  | { readonly ratePerSecond: number; readonly maxInFlight: number }
  | { readonly callers: number };

export interface BenchPlan {
  readonly load: Load;
  readonly durationMs: number;
  readonly mix: Mix;
  readonly prefix: Uint8Array;
  readonly keyCount: number;
  readonly valueBytes: number;
  readonly distribution: "uniform" | "zipf";
  /** Whether the keys stay afterwards. */
  readonly keep: boolean;
}

export interface BenchResult {
  readonly plan: BenchPlan;
  readonly operations: readonly OperationResult[];
  readonly elapsedMs: number;
  /** Calls per second that were answered well. */
  readonly perSecond: number;
  /** Calls that were due and not begun, because too many were in flight. */
  readonly notSent: number;
  /** Calls without an answer when nobody waited any more. */
  readonly unanswered: number;
  readonly isInterrupted: boolean;
}

export interface BenchPort {
  readonly client: Pick<ByteClient, BenchOperation>;
  /** Where the client goes, for messages. */
  readonly endpoints: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly call: { readonly timeoutMs: number; readonly signal: AbortSignal };
}

/** The client settles each call by its timeout. What it does not is waited for this much longer. */
const GRACE_MS = 1_000;

/**
 * Runs `plan`, for at most its duration, a timeout and {@link GRACE_MS}. Rejects never; keys are
 * left behind.
 */
export async function runBench(plan: BenchPlan, port: BenchPort): Promise<BenchResult> {
  const { load, durationMs } = plan;
  const { clock, call } = port;
  const arrivals =
    "callers" in load
      ? new ClosedLoop({ ...load, durationMs })
      : new OpenLoop({ ...load, durationMs });
  const measurements = new Measurements(plan.mix.keys());
  const end = await runLoad<CallOutcome>(
    {
      ...{ clock, arrivals, signal: call.signal },
      call: callerOf(plan, port),
      onAnswer: (outcome, latencyMs) => measurements.record(outcome, latencyMs),
    },
    { durationMs, drainMs: call.timeoutMs + GRACE_MS },
  );
  const operations = measurements.results(end.elapsedMs);
  const perSecond = operations.reduce((sum, one) => sum + one.perSecond, 0);
  return { plan, operations, perSecond, notSent: arrivals.notSent, ...end };
}

/** @returns what makes the next call; that never rejects */
function callerOf(plan: BenchPlan, port: BenchPort): () => Promise<CallOutcome> {
  const { random } = port;
  const drawOperation = drawFrom(plan.mix, random);
  const drawKey =
    plan.distribution === "zipf"
      ? zipf(plan.keyCount, random)
      : () => random.nextInt(plan.keyCount);
  // Random, as what repeats itself could be compressed; the same for all.
  const value = Buffer.alloc(plan.valueBytes);
  for (let at = 0; at < value.length; at += 1) value[at] = random.nextInt(256);
  return async () => {
    const operation = drawOperation();
    const key = benchKey(plan.prefix, drawKey());
    try {
      const isMissing = await callOne(operation, { key, value }, port);
      return { operation, error: undefined, isMissing };
    } catch (error) {
      return { operation, error: failureOf(error, port.endpoints), isMissing: false };
    }
  };
}

/** @returns whether it looked for a value and found none */
async function callOne(
  operation: BenchOperation,
  { key, value }: { readonly key: Uint8Array; readonly value: Uint8Array },
  { client, call }: BenchPort,
): Promise<boolean> {
  switch (operation) {
    case "get":
      return (await client.get(key, call)) === undefined;
    case "put":
      await client.put(key, value, call);
      return false;
    case "delete":
      return !(await client.delete(key, call));
  }
}
