/** The command line of the benchmark, checked once. */
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { STORES, type StoreName } from "./engines/engine.js";
import { ROWS, type Row } from "./rows.js";

export const USAGE = `pnpm --filter @titan/bench bench:embedded [options]
  --quick          small stores, one round: shows that everything runs
  --stores a,b     of ${STORES.join(", ")}
  --rows a,b       of ${ROWS.map(({ id }) => id).join(", ")};
                   a name that ends in * stands for all that begin so
  --rounds n       interleaved rounds, whose medians are reported [5]
  --minutes m      begins no further round that would end later, three rounds being done [no bound]
  --keys n         keys of the 100-byte rows; those of 4 KiB have a tenth, "many" ten times [1000000]
  --seconds s      time of one measurement [1]
  --seed n         of keys, values and choices [1, or TITAN_SEED]
  --directory d    on the disk to measure [the system's temporary directory]
  --write          writes docs/benchmarks.md although the run is reduced; a full run always does
  --dry            never writes it`;

export interface Arguments {
  readonly stores: readonly StoreName[];
  readonly rows: readonly Row[];
  readonly rounds: number;
  /** After which no round should end. */
  readonly minutes: number;
  readonly keys: number;
  readonly seconds: number;
  readonly seed: number;
  readonly directory: string;
  readonly mayWrite: boolean;
  /** As given, to be repeated by the report. */
  readonly given: string;
}

const QUICK = { rounds: 1, keys: 20_000, seconds: 0.1 };
const FULL = { rounds: 5, keys: 1_000_000, seconds: 1 };
/** Ten times as many must fit 32 bits, and a tenth must hold a scan of 100 from any start. */
const KEYS = { least: 10_000, most: 100_000_000 };

/** @throws TypeError that says what is wrong */
export function parseArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      stores: { type: "string" },
      rows: { type: "string" },
      rounds: { type: "string" },
      minutes: { type: "string" },
      keys: { type: "string" },
      seconds: { type: "string" },
      seed: { type: "string", default: process.env["TITAN_SEED"] ?? "1" },
      directory: { type: "string", default: tmpdir() },
      write: { type: "boolean", default: false },
      dry: { type: "boolean", default: false },
    },
  });
  const size = values.quick ? QUICK : FULL;
  const keys = integer("keys", values.keys, size.keys);
  if (keys < KEYS.least || keys > KEYS.most) {
    throw new TypeError(`--keys must be from ${KEYS.least} to ${KEYS.most}`);
  }
  const rounds = integer("rounds", values.rounds, size.rounds);
  const seconds = values.seconds === undefined ? size.seconds : Number(values.seconds);
  if (!(seconds > 0)) throw new TypeError("--seconds must be a positive number");
  const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes);
  if (!(minutes > 0)) throw new TypeError("--minutes must be a positive number");
  const isFull =
    !values.quick &&
    values.stores === undefined &&
    values.rows === undefined &&
    rounds >= FULL.rounds &&
    keys === FULL.keys &&
    seconds >= FULL.seconds;
  return {
    stores: chosenStores(values.stores),
    rows: chosenRows(values.rows),
    rounds,
    minutes,
    keys,
    seconds,
    seed: integer("seed", values.seed, 1),
    directory: values.directory,
    mayWrite: !values.dry && (isFull || values.write),
    given: args.join(" "),
  };
}

function integer(name: string, given: string | undefined, otherwise: number): number {
  const value = given === undefined ? otherwise : Number(given);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new TypeError(`--${name} must be a positive integer: ${given ?? ""}`);
  }
  return value;
}

function chosenStores(given: string | undefined): readonly StoreName[] {
  if (given === undefined) return STORES;
  const names = given.split(",");
  for (const name of names) {
    if (!STORES.some((store) => store === name)) throw new TypeError(`no such store: ${name}`);
  }
  return STORES.filter((store) => names.includes(store));
}

function chosenRows(given: string | undefined): readonly Row[] {
  if (given === undefined) return ROWS;
  const chosen = new Set<Row>();
  for (const pattern of given.split(",")) {
    const matches = ROWS.filter(({ id }) =>
      pattern.endsWith("*") ? id.startsWith(pattern.slice(0, -1)) : id === pattern,
    );
    if (matches.length === 0) throw new TypeError(`no such row: ${pattern}`);
    for (const row of matches) chosen.add(row);
  }
  return ROWS.filter((row) => chosen.has(row));
}
