/** The rows of the table, with the targets that issue 3 sets. */
import type { StoreName } from "./engines/engine.js";
import type { Phase, ValueCache } from "./job.js";
import { atLeast, atMost, NO_TARGET, type Target } from "./targets.js";

/** What the stores hold while a row is measured. */
export interface Dataset {
  readonly name: string;
  /** Share of the command's `--keys`. */
  readonly keysFactor: number;
  readonly valueBytes: number;
}

export type Unit = "per second" | "ms" | "bytes" | "times" | "count";

export interface Row {
  /** For `--rows`. */
  readonly id: string;
  readonly label: string;
  readonly dataset: Dataset;
  readonly phase: Phase;
  /** Instead of `phase`, where the row is about something that only Titan can set. */
  readonly titanPhase?: Phase;
  readonly metric: string;
  readonly unit: Unit;
  /** About Titan alone: peers are not run for it. @default false */
  readonly isOwn?: boolean;
  readonly targets: readonly Target[];
}

const SMALL: Dataset = { name: "100 B", keysFactor: 1, valueBytes: 100 };
const LARGE: Dataset = { name: "4 KiB", keysFactor: 0.1, valueBytes: 4096 };
const HUGE: Dataset = { name: "many", keysFactor: 10, valueBytes: 100 };

/** In the order in which they run. */
export const DATASETS: readonly Dataset[] = [SMALL, LARGE, HUGE];

const OPEN = { phase: { kind: "open" }, metric: "openMs", unit: "ms" } as const;
const RATE = { metric: "opsPerSecond", unit: "per second" } as const;

function read(keys: "uniform" | "zipf" | "missing", cache: ValueCache): Phase {
  return { kind: "read", keys, cache };
}

const DURABLE_TARGETS = new Map([
  [1, atLeast(1.25, "best")],
  [16, atLeast(1.7, "best")],
  [256, atLeast(2, "best")],
  [4096, atLeast(2.5, "best")],
]);

function durablePuts(dataset: Dataset, suffix: string): Row[] {
  return [...DURABLE_TARGETS].map(([callers, target]) => {
    const largeTarget = callers < 16 ? NO_TARGET : [atLeast(2, "best")];
    return {
      id: `durable-put-${callers}${suffix}`,
      label: `durable put, ${callers} ${callers === 1 ? "caller" : "callers"}`,
      dataset,
      phase: { kind: "durable-put", callers },
      ...RATE,
      targets: dataset === SMALL ? [target] : largeTarget,
    };
  });
}

const FLOOR: Omit<Row, "dataset"> = {
  id: "read-floor",
  label: "a record's bytes by `fs.readSync`, no store: what a get that is not cached cannot exceed",
  phase: { kind: "read-floor" },
  ...RATE,
  isOwn: true,
  targets: NO_TARGET,
};

const GET_ROWS: readonly Omit<Row, "dataset">[] = [
  {
    id: "get-uniform",
    label: "get uniform, values not cached",
    phase: read("uniform", "none"),
    ...RATE,
    targets: [atLeast(0.75, "lmdb"), atLeast(1.6, "rest")],
  },
  {
    id: "get-uniform-cached",
    label: "get uniform, values cached",
    phase: read("uniform", "none"),
    titanPhase: read("uniform", "all"),
    ...RATE,
    targets: [atLeast(1.5, "lmdb")],
  },
  {
    id: "get-zipf",
    label: "get zipf, cache of 10 %",
    phase: read("zipf", "tenth"),
    ...RATE,
    targets: [atLeast(1, "lmdb")],
  },
];

const MANY_ROWS: readonly Row[] = [
  {
    id: "get-missing",
    label: "get of a missing key",
    dataset: SMALL,
    phase: read("missing", "none"),
    ...RATE,
    targets: [atLeast(2, "best")],
  },
  {
    id: "get-many",
    label: "getMany of 100, not cached, keys",
    dataset: SMALL,
    phase: { kind: "get-many", cache: "none" },
    ...RATE,
    targets: [atLeast(0.7, "lmdb")],
  },
  {
    id: "get-many-cached",
    label: "getMany of 100, cached, keys",
    dataset: SMALL,
    phase: { kind: "get-many", cache: "none" },
    titanPhase: { kind: "get-many", cache: "all" },
    ...RATE,
    targets: [atLeast(1, "lmdb")],
  },
];

/** Updates last: what was loaded stays as it was for the rows before. */
function mixes(dataset: Dataset, suffix: string): Row[] {
  const row = (name: string, readShare: number, targets: readonly Target[]): Row => ({
    id: `ycsb-${name.toLowerCase()}${suffix}`,
    label: `YCSB ${name}, cache of 10 %`,
    dataset,
    phase: { kind: "mix", readShare },
    ...RATE,
    targets,
  });
  const isSmall = dataset === SMALL;
  return [
    row("C", 1, isSmall ? [atLeast(0.8, "best")] : NO_TARGET),
    row("B", 0.95, isSmall ? [atLeast(1.8, "best")] : NO_TARGET),
    row("A", 0.5, [atLeast(3, "best")]),
  ];
}

function scans(dataset: Dataset, suffix: string, ratio: number): Row[] {
  const base = { dataset, phase: { kind: "scan" } } as const;
  return [
    {
      ...base,
      id: `scan${suffix}`,
      label: "scan of 100 after a warm-up, rows",
      metric: "rowsPerSecond",
      unit: "per second",
      targets: [atLeast(ratio, "lmdb")],
    },
    {
      ...base,
      id: `first-scan${suffix}`,
      label: "first scan after open",
      metric: "firstMs",
      unit: "ms",
      targets: dataset === SMALL ? [atMost(10)] : NO_TARGET,
    },
  ];
}

function load(dataset: Dataset, suffix: string): Row {
  return {
    id: `bulk-load${suffix}`,
    label: "bulk load, durable at the end",
    dataset,
    phase: { kind: "load" },
    ...RATE,
    targets: [atLeast(2, "best")],
  };
}

const LATENCY_ROWS: readonly Row[] = (["put", "get"] as const).flatMap((call) =>
  (["p50", "p99", "p99.9", "max"] as const).map((rank) => ({
    id: `merge-${call}-${rank}`,
    label: `${call} during a merge, ${rank}, by that without`,
    dataset: SMALL,
    phase: { kind: "merge-latency" },
    metric: `${call} ${rank}`,
    unit: "times",
    isOwn: true,
    targets: [atMost(2)],
  })),
);

const ORDER_ROWS: readonly Row[] = (["fresh put", "overwrite", "get"] as const).map((call) => ({
  id: `order-${call.replace(" ", "-")}`,
  label: `${call} with an order over keys, processor time by that without`,
  dataset: SMALL,
  phase: { kind: "order-cost" },
  metric: `order: ${call}`,
  unit: "times",
  isOwn: true,
  targets: [atMost(1.15)],
}));

const COST_ROWS: readonly Row[] = [
  "put, many at once",
  "put, one caller",
  "getSync",
  "get",
  "getMany of 100, by key",
].flatMap((call) =>
  (["bytes", "promises"] as const).map((what) => ({
    id: `cost-${call.toLowerCase().replaceAll(/[ ,]+/g, "-")}-${what}`,
    label: `${call}: ${what === "bytes" ? "allocated on the JavaScript heap" : "promises"}`,
    dataset: SMALL,
    phase: { kind: "call-cost" },
    metric: `${call}: ${what}`,
    unit: what === "bytes" ? "bytes" : "count",
    isOwn: true,
    targets: NO_TARGET,
  })),
);

/** Of one dataset in the order in which they run: what changes the data comes last. */
export const ROWS: readonly Row[] = [
  load(SMALL, ""),
  ...durablePuts(SMALL, ""),
  { ...OPEN, id: "open", label: "open to first get", dataset: SMALL, targets: [atMost(60)] },
  { ...FLOOR, dataset: SMALL },
  ...GET_ROWS.map((row) => ({ ...row, dataset: SMALL })),
  ...MANY_ROWS,
  ...scans(SMALL, "", 0.6),
  ...mixes(SMALL, ""),
  {
    id: "delete",
    label: "delete",
    dataset: SMALL,
    phase: { kind: "remove" },
    ...RATE,
    targets: [atLeast(0.8, "classic-level")],
  },
  {
    id: "space",
    label: "disk after 5× overwrite and merge, by live data",
    dataset: SMALL,
    phase: { kind: "space" },
    metric: "timesLive",
    unit: "times",
    targets: [atMost(1.3)],
  },
  {
    id: "space-closed",
    label: "the same, with the image of the index that a closed store has",
    dataset: SMALL,
    phase: { kind: "space" },
    metric: "timesLiveClosed",
    unit: "times",
    isOwn: true,
    targets: NO_TARGET,
  },
  ...ORDER_ROWS,
  ...COST_ROWS,
  ...LATENCY_ROWS,
  load(LARGE, "-4k"),
  ...durablePuts(LARGE, "-4k"),
  { ...FLOOR, id: "read-floor-4k", dataset: LARGE },
  ...GET_ROWS.map((row) => ({
    ...row,
    id: `${row.id}-4k`,
    dataset: LARGE,
    targets: [atLeast(0.5, "lmdb"), atLeast(2, "rest")],
  })),
  ...scans(LARGE, "-4k", 0.8),
  ...mixes(LARGE, "-4k"),
  { ...OPEN, id: "open-many", label: "open to first get", dataset: HUGE, targets: [atMost(700)] },
  {
    ...OPEN,
    id: "rss",
    label: "memory per key after open",
    dataset: HUGE,
    metric: "residentBytesPerKey",
    unit: "bytes",
    targets: [atMost(64)],
  },
];

/** The phase by which `store` gets its figure of `row`. */
export function phaseOf(row: Row, store: StoreName): Phase {
  return store === "titan" ? (row.titanPhase ?? row.phase) : row.phase;
}
