/** A small store with everything in it, and what opening it after some harm comes to. */
import { expect } from "vitest";
import { type Bitcask, isBitcaskError } from "../../src/index.js";
import type { InternalOptions } from "../../src/options.js";
import type { MemoryDisk } from "../../src/testing/index.js";
import { FORMS, type FormName } from "../crash/forms.js";
import { readState, type State } from "../crash/history.js";
import { Machine, TINY_IMAGED } from "../crash/machine.js";
import { fixedWorkload, KEYS } from "../crash/workload.js";
import { FaultedRun } from "./faulted-run.js";

export type Outcome = "refused on open" | "detected on read" | "harmless";

/** Options under which a store of each form has several data files, and an image of its index. */
export function smallFiles(form: FormName): InternalOptions {
  const dataFileMaxBytes = form.includes("compressed") ? 256 : 512;
  return { ...TINY_IMAGED, ...FORMS[form], dataFileMaxBytes };
}

/** Several data files, hints, tombstones, a batch, a merge's output and an image, closed cleanly. */
export async function closedStore(
  options: InternalOptions,
): Promise<{ disk: MemoryDisk; state: State }> {
  const machine = new Machine({ options });
  await new FaultedRun(machine).play(fixedWorkload().slice(0, 15));
  const db = await machine.open();
  const state = await readState(db, KEYS);
  await db.close();
  return { disk: machine.fileSystem.snapshot(), state };
}

export async function outcomeOf(
  disk: MemoryDisk,
  state: State,
  options: InternalOptions,
): Promise<Outcome> {
  let db: Bitcask;
  try {
    db = await new Machine({ disk, options }).open();
  } catch (error) {
    if (isBitcaskError(error) && ["BITCASK_CORRUPT", "BITCASK_NEWER_FORMAT"].includes(error.code)) {
      expect(error.file).toBeDefined();
      return "refused on open";
    }
    throw error;
  }
  try {
    const found = await readState(db, KEYS);
    if (found !== state) throw new Error(`silently wrong: ${found}`);
    return "harmless";
  } catch (error) {
    if (isBitcaskError(error) && error.code === "BITCASK_CORRUPT") return "detected on read";
    throw error;
  } finally {
    await db.close().catch(() => undefined);
  }
}
