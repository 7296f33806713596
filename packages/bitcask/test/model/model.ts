/**
 * The slow, obvious twin of a store: a map, its earlier states for as long as a crash may bring them
 * back, and the store's notion of time.
 */
import type { BatchOperation, ScanOptions } from "../../src/index.js";

export interface ModelEntry {
  readonly value: string;
  /** When the key counts as absent, in ms since the Unix epoch; `undefined`: never. */
  readonly expiresAtMs: number | undefined;
}

/** A key that is always there; see `Subject.learnTime`. */
export const CLOCK_KEY = "~clock";
export const CLOCK_TTL_MS = 1e12;

type Contents = ReadonlyMap<string, ModelEntry>;

/** A key with its entry, as scans give it. */
export type ModelRow = readonly [key: string, entry: ModelEntry];

export class Model {
  /** States after each write since the oldest that a power cut may bring back; the last is now. */
  private states: Contents[] = [new Map()];
  /** Writes before the first of `states`. */
  private durableCount = 0;
  /** Writes that survive the end of the process. */
  private answeredCount = 0;
  private nowMs: number;
  /** Latest expiry that a reader has been told of. */
  private judgedMs = 0;
  /** When {@link CLOCK_KEY} expires. */
  private clockExpiresAtMs: number;

  constructor(wallMs: number) {
    this.nowMs = wallMs;
    this.clockExpiresAtMs = wallMs + CLOCK_TTL_MS;
  }

  /** The store's time: the wall clock's, but never earlier than it was. */
  get now(): number {
    return this.nowMs;
  }

  observe(wallMs: number): void {
    this.nowMs = Math.max(this.nowMs, wallMs);
  }

  /** @returns the write's position, from 1 */
  write(operations: readonly BatchOperation[]): number {
    const contents = new Map(this.current);
    for (const operation of operations) {
      if (operation.type === "delete") {
        contents.delete(String(operation.key));
        continue;
      }
      const { value, ttlMs } = operation;
      const expiresAtMs = ttlMs === undefined ? undefined : this.nowMs + ttlMs;
      contents.set(String(operation.key), { value: String(value), expiresAtMs });
    }
    this.states.push(contents);
    return this.writeCount;
  }

  /** The store has answered the write at `position`, and so all before it. */
  answer(position: number): void {
    this.answeredCount = Math.max(this.answeredCount, position);
  }

  /** The writes up to `position` (default: all) have been promised to be durable. */
  promise(position: number = this.writeCount): void {
    this.answer(position);
    this.states.splice(0, Math.max(0, position - this.durableCount));
    this.durableCount = Math.max(this.durableCount, position);
  }

  get(key: string): ModelEntry | undefined {
    const entry = this.current.get(key);
    return entry === undefined || this.hasExpired(entry) ? undefined : entry;
  }

  /** The rows of a scan, by byte order of their UTF-8 keys. */
  scan(options: ScanOptions = {}): ModelRow[] {
    return this.rowsOf(this.current, options);
  }

  /**
   * The store has started anew and takes `nowMs` for now. Its time may have fallen back to the wall
   * clock's, but after a clean end not below an expiry that a reader has been told of.
   * @throws Error when it has
   */
  restart(nowMs: number, wallMs: number, wasClean: boolean): void {
    const lowest = wasClean ? Math.max(wallMs, this.judgedMs) : wallMs;
    if (nowMs < lowest || nowMs > Math.max(this.nowMs, wallMs)) {
      throw new Error(`now is ${nowMs}, must be from ${lowest} to ${this.nowMs}`);
    }
    this.nowMs = nowMs;
    this.clockExpiresAtMs = nowMs + CLOCK_TTL_MS;
    if (!wasClean) this.judgedMs = 0;
  }

  /**
   * After a crash: takes over the state that the store shows.
   * @returns whether that is one of those that a crash may leave
   */
  adopt(found: readonly ModelRow[], isPowerCut: boolean): boolean {
    const wanted = JSON.stringify(found);
    const possible = isPowerCut
      ? this.states
      : this.states.slice(this.answeredCount - this.durableCount);
    const match = possible.find((state) => JSON.stringify(this.rowsOf(state, {})) === wanted);
    if (match === undefined) return false;
    this.states = [match];
    this.answeredCount = this.durableCount;
    return true;
  }

  /** Remembers every expiry that has passed: a reader that looks at all keys is told of each. */
  judge(): void {
    for (const { expiresAtMs } of this.current.values()) {
      if (expiresAtMs !== undefined && expiresAtMs <= this.nowMs) {
        this.judgedMs = Math.max(this.judgedMs, expiresAtMs);
      }
    }
  }

  /** States that a power cut may leave, for a failure's message. */
  describe(): string {
    const rows = this.states.map((state) => JSON.stringify(this.rowsOf(state, {})));
    return rows.join("\n");
  }

  private get writeCount(): number {
    return this.durableCount + this.states.length - 1;
  }

  private get current(): Contents {
    return this.states.at(-1) ?? new Map<string, ModelEntry>();
  }

  private hasExpired({ expiresAtMs }: ModelEntry): boolean {
    return expiresAtMs !== undefined && expiresAtMs <= this.nowMs;
  }

  private rowsOf(contents: Contents, options: ScanOptions): ModelRow[] {
    const clock: ModelRow = [CLOCK_KEY, { value: "", expiresAtMs: this.clockExpiresAtMs }];
    const rows = [clock, ...contents].filter(
      ([key, entry]) => !this.hasExpired(entry) && isWithin(Buffer.from(key), options),
    );
    rows.sort(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
    if (options.reverse === true) rows.reverse();
    return rows.slice(0, options.limit);
  }
}

function isWithin(key: Buffer, { prefix, gt, gte, lt, lte }: ScanOptions): boolean {
  const against = (bound: Uint8Array | string): number =>
    Buffer.compare(key, Buffer.from(bound as string));
  if (prefix !== undefined) {
    const bytes = Buffer.from(prefix as string);
    if (!key.subarray(0, bytes.length).equals(bytes)) return false;
  }
  if (gt !== undefined && against(gt) <= 0) return false;
  if (gte !== undefined && against(gte) < 0) return false;
  if (lt !== undefined && against(lt) >= 0) return false;
  return lte === undefined || against(lte) <= 0;
}
