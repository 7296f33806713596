/** The store under test, driven by {@link Action}s side by side with its model. */
import type { BatchOperation, Bitcask, ScanOptions, Snapshot, SyncMode } from "../../src/index.js";
import { IMAGE_NAME } from "../../src/index-image.js";
import type { InternalOptions } from "../../src/options.js";
import { ManualClock, type MemoryDisk, SeededRandom } from "../../src/testing/index.js";
import { FORMS, type FormName } from "../crash/forms.js";
import { Machine } from "../crash/machine.js";
import { type Action, MODEL_KEYS } from "./actions.js";
import { CLOCK_KEY, CLOCK_TTL_MS, Model, type ModelEntry, type ModelRow } from "./model.js";

const OPTIONS = {
  dataFileMaxBytes: 1024,
  autoMerge: true,
  mergeDeadFraction: 0.6,
  valueCacheBytes: 4096,
  minImagedKeys: 0,
};

/** Snapshots held at once; the oldest goes first. */
const MAX_VIEWS = 3;

/** A snapshot, and what it has to show as long as it is open. */
interface View {
  readonly snapshot: Snapshot;
  readonly rows: readonly ModelRow[];
}

const decoder = new TextDecoder();

export class Subject {
  readonly counts = new Map<Action["type"], number>();
  private readonly clock = new ManualClock();
  private readonly model = new Model(this.clock.wallMs());
  private readonly options: InternalOptions;
  private machine: Machine;
  private store: Bitcask | undefined;
  private views: View[] = [];

  constructor(form: FormName) {
    this.options = { ...OPTIONS, ...FORMS[form] };
    this.machine = new Machine({ options: this.options, clock: this.clock });
  }

  async start(): Promise<void> {
    this.store = await this.machine.open();
    await this.learnTime();
  }

  async stop(): Promise<void> {
    await this.db.close();
    if (this.machine.fileSystem.openHandleCount > 0) throw new Error("handles are left open");
  }

  /** @throws Error when store and model differ */
  async run(action: Action): Promise<void> {
    this.counts.set(action.type, (this.counts.get(action.type) ?? 0) + 1);
    await this.perform(action);
    this.model.observe(this.clock.wallMs());
    await this.compareAll();
    await this.compareViews();
    this.model.judge();
  }

  /** Bytes of the image, of all other files, and of the records that count. */
  get disk(): { readonly image: number; readonly bytes: number; readonly liveBytes: number } {
    const { fileSystem } = this.machine;
    const sum = (paths: readonly string[]) =>
      paths.reduce((total, path) => total + fileSystem.contents(path).length, 0);
    const isImage = (path: string) => path.includes(IMAGE_NAME);
    const paths = fileSystem.paths();
    const bytes = sum(paths.filter((path) => !isImage(path)));
    return { image: sum(paths.filter(isImage)), bytes, liveBytes: this.db.stats().liveBytes };
  }

  /** Snapshots that are held: they keep files which merges have replaced. */
  get heldViews(): number {
    return this.views.length;
  }

  private get db(): Bitcask {
    if (this.store === undefined) throw new Error("the store is not open");
    return this.store;
  }

  private async perform(action: Action): Promise<void> {
    switch (action.type) {
      case "write":
        return this.write(action.operations, action.isBatch, action.sync);
      case "concurrent":
        await Promise.all(this.submit(action.writes, action.sync));
        return;
      case "scan":
        return this.compareScan(action.options);
      case "scan-across":
        return this.scanAcross(action.options, action.operations);
      case "snapshot":
        if (this.views.length === MAX_VIEWS) this.release();
        this.views.push({ snapshot: this.db.snapshot(), rows: this.model.scan() });
        return;
      case "release":
        this.release();
        return;
      case "sync":
        await this.db.sync();
        this.model.promise();
        return;
      case "merge":
        await this.db.merge();
        return;
      case "advance":
        this.clock.advance(action.milliseconds);
        return;
      case "jump-wall":
        this.clock.jumpWall(action.milliseconds);
        return;
      case "reopen":
        await this.db.close();
        this.views = [];
        this.model.promise();
        this.store = await this.machine.open();
        this.expectImage();
        this.model.restart(await this.learnTime(), this.clock.wallMs(), true);
        return;
      case "crash":
        return this.powerCut(action);
      case "kill":
        return this.kill(action);
    }
  }

  private async write(
    operations: readonly BatchOperation[],
    isBatch: boolean,
    sync: SyncMode,
  ): Promise<void> {
    const [first] = operations;
    if (isBatch || first === undefined) {
      await this.db.batch(operations, { sync });
    } else if (first.type === "put") {
      await this.db.put(first.key, first.value, { sync, ttlMs: first.ttlMs });
    } else {
      const existed = await this.db.delete(first.key, { sync });
      expectSame(existed, this.model.get(String(first.key)) !== undefined, "what delete answers");
    }
    const position = this.model.write(operations);
    this.model.answer(position);
    if (sync === "always") this.model.promise(position);
  }

  /** Calls all writes without awaiting any. */
  private submit(writes: readonly (readonly BatchOperation[])[], sync: SyncMode): Promise<void>[] {
    return writes.map(async (operations) => {
      const position = this.model.write(operations);
      await this.db.batch(operations, { sync });
      this.model.answer(position);
      if (sync === "always") this.model.promise(position);
    });
  }

  private async scanAcross(
    options: ScanOptions,
    operations: readonly BatchOperation[],
  ): Promise<void> {
    const expected = this.model.scan(options);
    const rows: ModelRow[] = [];
    let isChanged = false;
    const change = async (): Promise<void> => {
      if (isChanged) return;
      isChanged = true;
      await this.write(operations, true, "always");
      await this.db.merge();
    };
    for await (const row of this.db.entries(options)) {
      rows.push(toRow(row.key, row));
      await change();
    }
    await change();
    expectSame(rows, expected, `the scan ${JSON.stringify(options)} across a write and a merge`);
  }

  private async powerCut(action: Extract<Action, { type: "crash" }>): Promise<void> {
    await this.failWhile(action);
    const random = new SeededRandom(action.seed % 2 ** 31);
    const disk = this.machine.fileSystem.snapshot();
    const choice = disk.crashDecisions().map(({ options }) => random.nextInt(options));
    await this.boot(disk.crash(choice));
    await this.adopt(true, `a power cut that leaves [${choice.join(" ")}]`);
  }

  private async kill(action: Extract<Action, { type: "kill" }>): Promise<void> {
    await this.failWhile(action);
    const disk = this.machine.fileSystem.snapshot();
    await this.boot(disk);
    await this.adopt(false, "the end of the process");
  }

  /** Calls writes, and takes the machine away after some turns, whatever has become of them. */
  private async failWhile(action: Extract<Action, { type: "crash" | "kill" }>): Promise<void> {
    const pending = this.submit(action.writes, action.sync);
    for (let turn = 0; turn < action.turns; turn += 1) await Promise.resolve();
    this.machine.stop();
    this.views = [];
    await Promise.allSettled(pending);
  }

  /**
   * Puts a key that expires far in the future. It tells what the store takes for now, and has every
   * scan look at the clock, so that store and model learn of its moves at the same steps.
   */
  private async learnTime(): Promise<number> {
    await this.db.put(CLOCK_KEY, "", { ttlMs: CLOCK_TTL_MS, sync: "always" });
    return (this.db.getEntrySync(CLOCK_KEY)?.expiresAtMs ?? 0) - CLOCK_TTL_MS;
  }

  private async boot(disk: MemoryDisk): Promise<void> {
    this.machine = new Machine({ options: this.options, disk, clock: this.clock });
    this.store = await this.machine.open();
  }

  private async adopt(isPowerCut: boolean, what: string): Promise<void> {
    this.model.restart(await this.learnTime(), this.clock.wallMs(), false);
    const found = await this.scan();
    if (this.model.adopt(found, isPowerCut)) return;
    const allowed = this.model.describe();
    throw new Error(`${what}\nfound: ${JSON.stringify(found)}\nallowed:\n${allowed}`);
  }

  private async compareAll(): Promise<void> {
    await this.compareScan({});
    const values = await this.db.getMany(MODEL_KEYS);
    const expected = MODEL_KEYS.map((key) => this.model.get(key)?.value);
    expectSame(
      values.map((value) => value && decoder.decode(value)),
      expected,
      "getMany",
    );
    for (const key of MODEL_KEYS) {
      const entry = this.db.getEntrySync(key);
      const found = entry === undefined ? undefined : toRow(Buffer.from(key), entry)[1];
      expectSame(found, this.model.get(key), `get of ${JSON.stringify(key)}`);
      expectSame(this.db.has(key), found !== undefined, `has of ${JSON.stringify(key)}`);
    }
  }

  private release(): void {
    this.views.shift()?.snapshot.release();
  }

  /** After a clean end the index has come from its image, and from nothing else. */
  private expectImage(): void {
    const { recordsScanned, ignoredHints } = this.db.stats().open;
    expectSame({ recordsScanned, ignoredHints }, { recordsScanned: 0, ignoredHints: [] }, "open");
  }

  private async compareViews(): Promise<void> {
    for (const { snapshot, rows } of this.views) {
      const found: ModelRow[] = [];
      for await (const row of snapshot.entries()) found.push(toRow(row.key, row));
      expectSame(found, rows, "a snapshot");
      const values = await snapshot.getMany(MODEL_KEYS);
      const expected = new Map(rows);
      expectSame(
        values.map((value) => value && decoder.decode(value)),
        MODEL_KEYS.map((key) => expected.get(key)?.value),
        "getMany of a snapshot",
      );
    }
  }

  private async compareScan(options: ScanOptions): Promise<void> {
    const expected = this.model.scan(options);
    expectSame(await this.scan(options), expected, `the scan ${JSON.stringify(options)}`);
  }

  private async scan(options: ScanOptions = {}): Promise<ModelRow[]> {
    const rows: ModelRow[] = [];
    for await (const row of this.db.entries(options)) rows.push(toRow(row.key, row));
    return rows;
  }
}

function toRow(
  key: Uint8Array,
  entry: { readonly value: Uint8Array; readonly expiresAtMs: number | undefined },
): ModelRow {
  const content: ModelEntry = {
    value: decoder.decode(entry.value),
    expiresAtMs: entry.expiresAtMs,
  };
  return [decoder.decode(key), content];
}

function expectSame(found: unknown, expected: unknown, what: string): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${what}\nfound: ${left}\nexpected: ${right}`);
}
