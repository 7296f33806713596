/** Runs a workload, every write durable, on a disk that may fail, and checks what the store answers. */
import { type Bitcask, type BitcaskError, isBitcaskError } from "../../src/index.js";
import type { Write } from "../crash/history.js";
import type { Machine } from "../crash/machine.js";
import { KEYS, type Step } from "../crash/workload.js";
import { FaultHistory } from "./fault-history.js";

const POISONS = ["BITCASK_WRITE_FAILED", "BITCASK_SYNC_FAILED"];

export class FaultedRun {
  readonly history = new FaultHistory();
  /** Failures that the caller saw, first to last. */
  readonly failures: BitcaskError[] = [];
  private readonly machine: Machine;
  private db: Bitcask | undefined;
  private poison: string | undefined;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /**
   * @param stopsAtPoison ends with the step that poisons the store, instead of reopening and going on
   * @throws Error when the store answers wrongly, or fails with anything but its own typed error
   */
  async play(steps: readonly Step[], stopsAtPoison = false): Promise<void> {
    await this.open();
    for (const step of steps) {
      if (this.db === undefined) await this.open();
      await this.step(step);
      await this.attempt(async (db) => this.checkKeys(db, "while open"));
      if (stopsAtPoison && this.poison !== undefined) break;
    }
    await this.close();
  }

  /** Every key has a value that it may have, asked one by one and by a scan. */
  async checkKeys(db: Bitcask, what: string): Promise<void> {
    const scanned = new Map<string, string>();
    for await (const { key, value } of db.entries()) {
      scanned.set(Buffer.from(key).toString(), Buffer.from(value).toString());
    }
    for (const key of KEYS) {
      const bytes = db.getSync(key);
      const found = bytes === undefined ? undefined : Buffer.from(bytes).toString();
      this.history.show(key, found, what);
      this.history.show(key, scanned.get(key), `${what}, scanned`);
      scanned.delete(key);
    }
    if (scanned.size > 0) throw new Error(`${what}: invented ${[...scanned.keys()].join()}`);
  }

  private async step(step: Step): Promise<void> {
    switch (step.type) {
      case "write":
        await this.submitAll(step.writes);
        return;
      case "merge":
        await Promise.all([this.attempt(async (db) => db.merge()), this.submitAll(step.writes)]);
        return;
      case "sync":
        await this.attempt(async (db) => db.sync());
        return;
      case "reopen":
        await this.close();
        await this.open();
        return;
      case "advance":
        this.machine.clock.advance(step.milliseconds);
        for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
        return;
    }
  }

  private async submitAll(writes: readonly Write[]): Promise<void> {
    await Promise.all(
      writes.map(async (write) => {
        const outcome = await this.submit(write);
        if (outcome === "applied") this.history.applied(write);
        if (outcome === "unknown") this.history.unknown(write);
      }),
    );
  }

  private async submit(write: Write): Promise<BitcaskError["outcome"]> {
    if (this.db === undefined) return "not-applied";
    const error = await this.attempt(async (db) => db.batch(write.operations, { sync: "always" }));
    if (error === undefined) return "applied";
    if (error.outcome === undefined) throw new Error("no outcome is given", { cause: error });
    return error.outcome;
  }

  /** @returns the store's error, if it failed */
  private async attempt(
    call: (db: Bitcask) => Promise<unknown>,
  ): Promise<BitcaskError | undefined> {
    const { db } = this;
    if (db === undefined) return undefined;
    try {
      await call(db);
    } catch (error) {
      return this.note(error);
    }
    if (this.poison !== undefined && this.db === db)
      throw new Error(`${this.poison} was forgotten`);
    return undefined;
  }

  private async open(): Promise<void> {
    this.poison = undefined;
    try {
      this.db = await this.machine.open();
    } catch (error) {
      this.note(error);
      // An open that failed has left nothing behind.
      if (this.machine.fileSystem.openHandleCount > 0)
        throw new Error("open leaks", { cause: error });
      this.poison = undefined;
    }
  }

  private async close(): Promise<void> {
    const { db } = this;
    this.db = undefined;
    try {
      await db?.close();
    } catch (error) {
      this.note(error);
    }
    this.poison = undefined;
    if (this.machine.fileSystem.openHandleCount > 0) throw new Error("close leaks handles");
  }

  private note(error: unknown): BitcaskError {
    if (!isBitcaskError(error)) throw new Error("not a BitcaskError", { cause: error });
    this.failures.push(error);
    if (this.poison !== undefined && error.code !== this.poison) {
      throw new Error(`poisoned by ${this.poison}, then refuses with ${error.code}`, {
        cause: error,
      });
    }
    if (POISONS.includes(error.code)) this.poison = error.code;
    return error;
  }
}
