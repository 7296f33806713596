/**
 * Crashes a recorded run at each of its points in each way that the bounds allow, boots, and looks.
 *
 * Images of a disk repeat a lot, so each different one is recovered once and the result kept. What is
 * asked of an image, whatever came before it:
 * 1. it opens, and all ways of reading agree;
 * 2. a crash at any operation of that recovery leaves an image that opens as well;
 * 3. what was read once is there after another power cut that loses all it may;
 * 4. the store takes a durable write, which the next power cut spares; and a merge changes nothing.
 */
import { createHash } from "node:crypto";
import type { BitcaskOptions, Random } from "../../src/index.js";
import {
  type CrashBounds,
  crashChoices,
  isChange,
  type MemoryDisk,
} from "../../src/testing/index.js";
import { readState, type State, shorten } from "./history.js";
import { Machine } from "./machine.js";
import type { CrashPoint, RecordedRun } from "./recorded-run.js";
import { KEYS } from "./workload.js";

/** How far to go. */
export interface ExploreBounds {
  /** Power cuts at each point of the run. */
  readonly crash: CrashBounds;
  /** Power cuts at each point of a recovery. */
  readonly nested: CrashBounds;
  /** One in so many of those, drawn at random, is really made. */
  readonly nestedOneIn: number;
  /** Crashes in a row that fall into the recovery from the one before. */
  readonly maxDepth: number;
  /** Power cuts after a process that died has been followed by another. */
  readonly kill: CrashBounds;
}

/** What was done, for the record. */
export interface ExploreCounts {
  points: number;
  crashes: number;
  /** Different images of the disk, those of nested crashes included. */
  images: number;
  nestedCrashes: number;
  kills: number;
}

interface Recovery {
  /** Crashes in recoveries that led here, when `successors` was found; see `maxDepth`. */
  readonly depth: number;
  /** What the store held when it was opened. */
  readonly state: State;
  /** Images that a crash of this recovery may leave. */
  readonly successors: ReadonlySet<Fingerprint>;
}

/** An image to recover, and what it must hold if that is known. */
interface Task {
  readonly image: MemoryDisk;
  /** Crashes in recoveries that led here. */
  readonly depth: number;
  readonly what: string;
  readonly expected?: State;
}

type Fingerprint = string;

export class Explorer {
  readonly counts: ExploreCounts = { points: 0, crashes: 0, images: 0, nestedCrashes: 0, kills: 0 };
  private readonly options: BitcaskOptions;
  private readonly bounds: ExploreBounds;
  private readonly random: Random;
  private readonly recoveries = new Map<Fingerprint, Recovery>();

  constructor(options: BitcaskOptions, bounds: ExploreBounds, random: Random) {
    this.options = options;
    this.bounds = bounds;
    this.random = random;
  }

  /**
   * @param isOver asked between crashes; ends the exploration early
   * @throws Error that names the point, the choice and what was found, on the first violation
   */
  async explore(run: RecordedRun, isOver: () => boolean = () => false): Promise<void> {
    for (const [index, point] of run.points.entries()) {
      this.counts.points += 1;
      const where = `point ${index}, before ${point.before}`;
      await this.cutPowerAt(point, run, where, isOver);
      if (isOver()) return;
      await this.killAt(point, run, where);
    }
  }

  private async cutPowerAt(
    point: CrashPoint,
    run: RecordedRun,
    where: string,
    isOver: () => boolean,
  ): Promise<void> {
    const decisions = point.disk.crashDecisions();
    for (const choice of crashChoices(decisions, this.random, this.bounds.crash)) {
      if (isOver()) return;
      this.counts.crashes += 1;
      const what = `${where}, power cut that leaves [${choice.join(" ")}]`;
      const image = point.disk.crash(choice);
      await this.recover({ image, what, depth: 0 });
      for (const state of this.reachable(fingerprint(image))) {
        this.check(run, state, point.durable, point.submitted, what);
      }
    }
  }

  /** The process dies, the page cache lives on; then the power goes. */
  private async killAt(point: CrashPoint, run: RecordedRun, where: string): Promise<void> {
    this.counts.kills += 1;
    const machine = this.boot(point.disk.clone());
    const what = `${where}, process killed`;
    const state = await this.openAndRead(machine, what);
    this.check(run, state, point.answered, point.submitted, what);
    const disk = machine.fileSystem.snapshot();
    machine.stop();
    for (const choice of crashChoices(disk.crashDecisions(), this.random, this.bounds.kill)) {
      this.counts.crashes += 1;
      const then = `${what}, opened, then power cut that leaves [${choice.join(" ")}]`;
      await this.recover({
        image: disk.crash(choice),
        what: then,
        depth: this.bounds.maxDepth,
        expected: state,
      });
    }
  }

  private check(run: RecordedRun, state: State, from: number, to: number, what: string): void {
    if (run.history.allows(state, from, to)) return;
    const expected = run.history.describe(from, to);
    throw new Error(`${what}\nfound: ${shorten(state)}\nallowed:\n${expected}`);
  }

  /** States that `image` may come up with, should its recovery be cut short again and again. */
  private reachable(image: Fingerprint): ReadonlySet<State> {
    const states = new Set<State>();
    const seen = new Set([image]);
    for (const next of seen) {
      const recovery = this.recoveries.get(next);
      if (recovery === undefined) throw new Error("an image was left out");
      states.add(recovery.state);
      for (const successor of recovery.successors) seen.add(successor);
    }
    return states;
  }

  /** Recovers the image, then those that its recovery may leave, until there is no new one. */
  private async recover(first: Task): Promise<void> {
    const tasks = [first];
    for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
      const key = fingerprint(task.image);
      let recovery = this.recoveries.get(key);
      if (recovery === undefined || task.depth < recovery.depth) {
        if (recovery === undefined) this.counts.images += 1;
        recovery = await this.recoverAnew(task, tasks);
        this.recoveries.set(key, recovery);
      }
      if (task.expected !== undefined) assertSame(recovery.state, task.expected, task.what);
    }
  }

  private async recoverAnew({ image, what, depth }: Task, tasks: Task[]): Promise<Recovery> {
    const machine = this.boot(image.clone());
    const moments: MemoryDisk[] = [];
    machine.fileSystem.onOperation = (operation) => {
      if (isChange(operation)) moments.push(machine.fileSystem.snapshot());
    };
    const state = await this.openAndRead(machine, what);
    machine.fileSystem.onOperation = undefined;
    const opened = machine.fileSystem.snapshot();
    machine.stop();
    const successors = new Set<Fingerprint>();
    const crashable = depth < this.bounds.maxDepth ? [...moments, opened] : [];
    for (const [index, moment] of crashable.entries()) {
      for (const choice of crashChoices(moment.crashDecisions(), this.random, this.bounds.nested)) {
        if (this.random.nextInt(this.bounds.nestedOneIn) > 0) continue;
        this.counts.nestedCrashes += 1;
        const survivor = moment.crash(choice);
        const then = `${what}, and at change ${index} of the recovery [${choice.join(" ")}]`;
        successors.add(fingerprint(survivor));
        // What was read once must be there ever after.
        const known = moment === opened ? { expected: state } : {};
        tasks.push({ image: survivor, what: then, depth: depth + 1, ...known });
      }
    }
    await this.writeOn(opened, state, what);
    return { depth, state, successors };
  }

  /** The recovered store takes writes, keeps them over a cut that loses all it may, and merges. */
  private async writeOn(opened: MemoryDisk, state: State, what: string): Promise<void> {
    const machine = this.boot(opened.clone());
    const db = await this.open(machine, what);
    await db.put("~after", "written", { sync: "always" });
    const after = this.boot(machine.fileSystem.snapshot().crash([]));
    machine.stop();
    const reopened = await this.open(after, `${what}, then a put and a power cut`);
    const expected = [state, "~after=written"].filter((part) => part !== "").join("|");
    assertSame(await readState(reopened, KEYS), expected, `${what}, then a put and a power cut`);
    await reopened.merge();
    assertSame(await readState(reopened, KEYS), expected, `${what}, then a put, a cut and a merge`);
    await reopened.close();
    after.stop();
  }

  private boot(disk: MemoryDisk): Machine {
    return new Machine({ options: this.options, disk });
  }

  private async openAndRead(machine: Machine, what: string): Promise<State> {
    const db = await this.open(machine, what);
    try {
      return await readState(db, KEYS);
    } catch (error) {
      throw new Error(`${what}: reading failed`, { cause: error });
    }
  }

  private async open(
    machine: Machine,
    what: string,
  ): Promise<Awaited<ReturnType<Machine["open"]>>> {
    try {
      return await machine.open();
    } catch (error) {
      throw new Error(`${what}: opening failed: ${String(error)}`, { cause: error });
    }
  }
}

function assertSame(found: State, expected: State, what: string): void {
  if (found === expected) return;
  throw new Error(`${what}\nfound: ${shorten(found)}\nexpected: ${shorten(expected)}`);
}

/** Two disks with nothing unsynced have the same fingerprint when they hold the same files. */
function fingerprint(disk: MemoryDisk): string {
  const hash = createHash("sha1");
  for (const path of disk.paths()) {
    const file = disk.file(path);
    const bytes = new Uint8Array(file.size);
    file.read(bytes, 0);
    hash.update(`${path} ${bytes.length} `).update(bytes);
  }
  return hash.digest("base64");
}
