/** The section of docs/benchmarks.md. Pure. */
import type { Operation } from "./work.js";

/** Medians of all rounds. */
export interface Row {
  readonly operation: Operation;
  readonly callers: number;
  readonly titan: Figures & { readonly perSync: number };
  readonly etcd: Figures | undefined;
}

export interface Figures {
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Floor {
  readonly syncMs: number;
  readonly roundTripMs: number;
}

export function toTable(rows: readonly Row[], floor: Floor): string {
  const lines = rows.map((row) => {
    const { operation, callers, titan, etcd } = row;
    const perSync = operation === "write" ? titan.perSync.toFixed(1) : "";
    const beside = etcd === undefined ? "" : (titan.opsPerSecond / etcd.opsPerSecond).toFixed(1);
    return (
      `| ${operation} | ${callers} | ${cell(titan)} | ${perSync} | ${cell(etcd)} | ${beside} ` +
      `| ${targetsOf(row, rows, floor).join("; ")} |`
    );
  });
  return `| call | under way | Titan, per second | p50 / p99 ms | proposals per fdatasync | etcd, per second | p50 / p99 ms | ratio | target: reached |
|---|---|---|---|---|---|---|---|---|
${lines.join("\n")}`;
}

function cell(figures: Figures | undefined): string {
  if (figures === undefined) return "- | -";
  const { opsPerSecond, p50Ms, p99Ms } = figures;
  return `${Math.round(opsPerSecond)} | ${p50Ms.toFixed(2)} / ${p99Ms.toFixed(2)}`;
}

const WRITES_PER_SECOND = new Map([
  [64, 25_000],
  [1024, 100_000],
]);
const PROPOSALS_PER_SYNC = 5;
const LATENCY_FACTOR = 2;
const READ_FACTOR = 5;

function targetsOf(row: Row, rows: readonly Row[], floor: Floor): string[] {
  const { operation, callers, titan } = row;
  if (operation === "read") {
    const write = rows.find((other) => other.operation === "write" && other.callers === callers);
    if (write === undefined) return [];
    const factor = titan.opsPerSecond / write.titan.opsPerSecond;
    return [verdict(`≥ ${READ_FACTOR}× writes`, factor >= READ_FACTOR, `${factor.toFixed(1)}×`)];
  }
  if (callers === 1) {
    const limit = LATENCY_FACTOR * (floor.syncMs + floor.roundTripMs);
    const reached = (titan.p50Ms / (floor.syncMs + floor.roundTripMs)).toFixed(2);
    return [verdict("p50 ≤ 2× (fdatasync + round trip)", titan.p50Ms <= limit, `${reached}×`)];
  }
  const wanted = WRITES_PER_SECOND.get(callers);
  const rate = titan.opsPerSecond;
  const perSync = titan.perSync;
  return [
    ...(wanted === undefined
      ? []
      : [verdict(`≥ ${wanted}/s`, rate >= wanted, String(Math.round(rate)))]),
    verdict(`≥ ${PROPOSALS_PER_SYNC} per fdatasync`, perSync >= 5, perSync.toFixed(1)),
  ];
}

function verdict(target: string, isMet: boolean, reached: string): string {
  return `${target}: ${reached}, ${isMet ? "met" : "missed"}`;
}
