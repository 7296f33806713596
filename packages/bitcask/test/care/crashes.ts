/** Cuts the power before each change of the disk, and once more at the end, in several ways each. */
import {
  crashChoices,
  isChange,
  type MemoryDisk,
  MemoryFileSystem,
  SeededRandom,
} from "../../src/testing/index.js";
import { portsOver } from "./stores.js";

export interface CrashImage {
  readonly image: MemoryDisk;
  /** For messages. */
  readonly where: string;
  /** The work had resolved before the power went. */
  readonly isDone: boolean;
}

/**
 * Runs `work` once over a copy of `disk`.
 * @returns what crashes may leave, by power cuts and by the end of the process alone
 */
export async function crashImages(
  disk: MemoryDisk,
  work: (ports: ReturnType<typeof portsOver>) => Promise<void>,
): Promise<CrashImage[]> {
  const machine = portsOver(disk.clone());
  const moments: { disk: MemoryDisk; where: string; isDone: boolean }[] = [];
  const note = (where: string, isDone: boolean) =>
    moments.push({ disk: machine.fileSystem.snapshot(), where, isDone });
  machine.fileSystem.onOperation = (operation) => {
    if (isChange(operation)) note(`before ${operation.kind} ${operation.path}`, false);
  };
  await work(machine);
  machine.fileSystem.onOperation = undefined;
  note("at the end", true);
  const random = new SeededRandom(1);
  const images: CrashImage[] = [];
  for (const { disk: moment, where, isDone } of moments) {
    images.push({ image: moment.clone(), where: `${where}, killed`, isDone });
    const bounds = { exhaustive: 16, samples: 4, extremes: 10 };
    for (const choice of crashChoices(moment.crashDecisions(), random, bounds)) {
      images.push({
        image: moment.crash(choice),
        where: `${where}, cut [${choice.join(" ")}]`,
        isDone,
      });
    }
  }
  return images;
}

/** Runs `work` with each of its operations failing in turn. @returns how many there are */
export async function failEach(
  disk: MemoryDisk,
  work: (ports: ReturnType<typeof portsOver>) => Promise<void>,
  check: (image: MemoryDisk, outcome: unknown, where: string) => Promise<void>,
): Promise<number> {
  for (let nth = 1; ; nth += 1) {
    const machine = portsOver(disk.clone());
    let failed: string | undefined;
    machine.fileSystem.onOperation = (operation) => {
      if (operation.number !== nth) return;
      failed = `${operation.kind} ${operation.path}`;
    };
    machine.fileSystem.faults.add({ number: nth, fault: { type: "error", code: "EIO" } });
    const outcome = await work(machine).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failed === undefined) return nth - 1;
    const image = new MemoryFileSystem({}, machine.fileSystem.snapshot()).snapshot();
    await check(image, outcome, `operation ${nth}, ${failed}`);
  }
}
