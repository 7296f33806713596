/**
 * Every operation of a workload fails in turn, in every way that it can: with `TITAN_THOROUGH=1`
 * (`test:exhaustive`). Without it some of them do, each in one of its ways, another one for the next. Stores are
 * opened by the image of their index, and without one by hints and records.
 */
import { describe, expect, test } from "vitest";
import { IMAGE_NAME } from "../../src/index-image.js";
import type { InternalOptions } from "../../src/options.js";
import { type Fault, isChange, type Operation } from "../../src/testing/index.js";
import { FORMS, type FormName } from "../crash/forms.js";
import { Machine, TINY_FILES, TINY_IMAGED } from "../crash/machine.js";
import { fixedWorkload } from "../crash/workload.js";
import { FaultedRun } from "./faulted-run.js";

/** The ways in which an operation can fail. */
function faultsOf(operation: Operation): Fault[] {
  const fail = (code: string): Fault => ({ type: "error", code });
  const { kind, length = 0 } = operation;
  if (kind === "write") {
    return [
      fail("EIO"),
      { type: "error", code: "EIO", writtenBytes: length },
      { type: "error", code: "ENOSPC", writtenBytes: Math.floor(length / 2) },
    ];
  }
  if (kind === "sync") {
    return (["dropped", "marked-clean", "written"] as const).map(
      (pages): Fault => ({ type: "error", code: "EIO", pages }),
    );
  }
  if (kind === "create") return ["EIO", "ENOSPC", "EMFILE", "EACCES"].map(fail);
  if (kind === "open") return ["EIO", "EMFILE"].map(fail);
  return (isChange(operation) ? ["EIO", "ENOSPC"] : ["EIO"]).map(fail);
}

async function operationsOf(options: InternalOptions): Promise<Operation[]> {
  const machine = new Machine({ options });
  const operations: Operation[] = [];
  machine.fileSystem.onOperation = (operation) => operations.push(operation);
  const run = new FaultedRun(machine);
  await run.play(fixedWorkload());
  expect(run.failures).toEqual([]);
  return operations;
}

/** @returns the code that the caller saw first, or "unnoticed" */
async function playWith(
  options: InternalOptions,
  { number }: Operation,
  fault: Fault,
  stopsAtPoison: boolean,
): Promise<string> {
  const machine = new Machine({ options });
  machine.fileSystem.faults.add({ number, fault });
  const run = new FaultedRun(machine);
  await run.play(fixedWorkload(), stopsAtPoison);
  const db = await machine.open();
  await run.checkKeys(db, "after a reopen");
  if (!stopsAtPoison) {
    await db.put("a", "more", { sync: "always" });
    const operations = [{ type: "put", key: "a", value: "more" }] as const;
    run.history.applied({ isBatch: false, operations });
  }
  const disk = machine.fileSystem.snapshot().crash([]);
  machine.stop();
  const rebooted = await new Machine({ disk, options }).open();
  await run.checkKeys(rebooted, "after a reopen and a power cut");
  await rebooted.close();
  return run.failures[0]?.code ?? "unnoticed";
}

const IS_THOROUGH = process.env["TITAN_THOROUGH"] === "1";
/** Of the operations, but for those of an image, which are few. A prime, so that every kind has its turn. */
const STEP = IS_THOROUGH ? 1 : 7;

const isOfImage = ({ path }: Operation): boolean => path.includes(IMAGE_NAME);

interface Variant {
  readonly form: FormName;
  readonly isImaged: boolean;
}

const VARIANTS: readonly Variant[] = [
  { form: "plain", isImaged: false },
  { form: IS_THOROUGH ? "compressed and encrypted" : "plain", isImaged: true },
];

function faultsTried(operation: Operation, at: number): Fault[] {
  const faults = faultsOf(operation);
  if (IS_THOROUGH) return faults;
  const way = at % faults.length;
  return faults.slice(way, way + 1);
}

describe("a disk that fails once, at each operation in turn", () => {
  test.each(VARIANTS)(
    "costs a store, $form, image: $isImaged, no acknowledged write, and every refusal is typed",
    async ({ form, isImaged }) => {
      const options = { ...(isImaged ? TINY_IMAGED : TINY_FILES), ...FORMS[form] };
      const operations = await operationsOf(options);
      const tried = operations.filter((operation, at) => at % STEP === 0 || isOfImage(operation));
      const seen = new Map<string, number>();
      let runs = 0;
      for (const [at, operation] of tried.entries()) {
        for (const fault of faultsTried(operation, at)) {
          const what = `${operation.number} ${operation.kind} ${operation.path}: ${JSON.stringify(fault)}`;
          let code: string;
          try {
            code = await playWith(options, operation, fault, false);
            if (operation.kind === "sync") await playWith(options, operation, fault, true);
          } catch (error) {
            throw new Error(`fault at ${what}: ${String(error)}`, { cause: error });
          }
          runs += 1;
          seen.set(code, (seen.get(code) ?? 0) + 1);
          // A failed sync of a data file is never passed over in silence.
          if (operation.kind === "sync" && operation.path.endsWith(".data")) {
            expect(code, what).toBe("BITCASK_SYNC_FAILED");
          }
        }
      }
      const figures = [...seen].map(([code, count]) => `${count} ${code}`).sort();
      process.stdout.write(
        `${runs} faults at ${operations.length} operations: ${figures.join(", ")}\n`,
      );
      expect(runs).toBeGreaterThanOrEqual(tried.length);
      expect(tried.length).toBeGreaterThanOrEqual(operations.length / STEP);
      expect(operations.filter(isOfImage).length > 20).toBe(isImaged);
    },
    300_000,
  );
});
