/** Runs tape tests inside of this process and gives what TAP would have said. */
import { once } from "node:events";
import { createRequire } from "node:module";

/** One line of TAP: an assertion. */
export interface TapAssertion {
  readonly name: string;
  readonly ok: boolean;
  /** Set on what tape was told to skip or to do later. */
  readonly isSkipped: boolean;
  /** The test that it belongs to. */
  readonly test: string;
  readonly expected: unknown;
  readonly actual: unknown;
  readonly error: unknown;
}

export interface TapReport {
  /** Titles of tests, in order. */
  readonly tests: readonly string[];
  readonly assertions: readonly TapAssertion[];
}

interface TapeRow {
  readonly type: "test" | "assert" | "end";
  readonly id: number;
  readonly name: string;
  readonly test: number;
  readonly ok: boolean;
  readonly skip?: unknown;
  readonly todo?: unknown;
  readonly expected: unknown;
  readonly actual: unknown;
  readonly error: unknown;
}

/** tape's `test`, of a harness of its own. It has no types. */
export type TapeTest = (title: string, body: (t: unknown) => unknown) => void;

interface TapeHarness extends TapeTest {
  createStream(options: { objectMode: true }): NodeJS.ReadableStream;
}

interface Tape {
  createHarness(): TapeHarness;
}

const require = createRequire(import.meta.url);

/** @param register adds tests to the given `test`; they run one after the other */
export async function runTape(register: (test: TapeTest) => void): Promise<TapReport> {
  const harness = (require("tape") as Tape).createHarness();
  const stream = harness.createStream({ objectMode: true });
  register(harness);
  const titles = new Map<number, string>();
  const assertions: TapAssertion[] = [];
  // An old-style stream: events, no iteration.
  stream.on("data", (row: TapeRow) => {
    if (row.type === "test") titles.set(row.id, row.name);
    if (row.type !== "assert") return;
    const { name, ok, expected, actual, error } = row;
    const isSkipped = Boolean(row.skip) || Boolean(row.todo);
    const test = titles.get(row.test) ?? "";
    assertions.push({ name, ok, isSkipped, test, expected, actual, error });
  });
  await once(stream, "end");
  return { tests: [...titles.values()], assertions };
}
