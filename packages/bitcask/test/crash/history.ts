/**
 * What a store may hold. Writes take effect in the order of their calls, so every state that a crash
 * may leave is the state after some number of them: at least those that were promised to be durable,
 * at most those that were called.
 */
import type { BatchOperation, Bitcask } from "../../src/index.js";

/** A write as a test submits it: one operation, or an atomic batch of several. */
export interface Write {
  readonly operations: readonly BatchOperation[];
  /** Submitted as `batch` even when it holds one operation. */
  readonly isBatch: boolean;
}

/** A store's content in a form that can be compared and printed. */
export type State = string;

export class History {
  private readonly contents = new Map<string, string>();
  private readonly states: State[] = [""];
  private durableCount = 0;
  private readonly acknowledged = new Set<number>();

  /** Writes called so far. */
  get submittedCount(): number {
    return this.states.length - 1;
  }

  /** Writes, counted from the first, that no crash may lose. */
  get durable(): number {
    return this.durableCount;
  }

  /** Writes, counted from the first, that survive while the operating system lives. */
  get answered(): number {
    let count = this.durableCount;
    while (this.acknowledged.has(count + 1)) count += 1;
    return count;
  }

  /** The state when every write so far has taken effect. */
  get latest(): State {
    return this.states.at(-1) ?? "";
  }

  /** Whether `key` is there when every write so far has taken effect. */
  has(key: string): boolean {
    return this.contents.has(key);
  }

  /** Notes a write's call. @returns its position, from 1 */
  submit(write: Write): number {
    for (const operation of write.operations) {
      const key = String(operation.key);
      if (operation.type === "put") this.contents.set(key, String(operation.value));
      else this.contents.delete(key);
    }
    this.states.push(stateOf(this.contents));
    return this.submittedCount;
  }

  /** Notes that the store answered write `position`. */
  answer(position: number): void {
    this.acknowledged.add(position);
  }

  /** Notes a promise that the first `count` writes survive a power cut. */
  promise(count: number): void {
    this.durableCount = Math.max(this.durableCount, count);
  }

  /** Whether `state` is that after `from` to `to` writes, both included. */
  allows(state: State, from: number, to: number): boolean {
    return this.states.slice(from, to + 1).includes(state);
  }

  /** The states after `from` to `to` writes, for a failure's message. */
  describe(from: number, to: number): string {
    const states = this.states.slice(from, to + 1);
    return states.map((state, index) => `  after ${from + index}: ${shorten(state)}`).join("\n");
  }
}

function stateOf(contents: ReadonlyMap<string, string>): State {
  const entries = [...contents].map(([key, value]) => `${key}=${value}`);
  return entries.sort().join("|");
}

/** The state with the padding of values left out. */
export function shorten(state: State): string {
  return `{${state.replace(/\.{4,}/g, (dots) => `.(${dots.length})`)}}`;
}

const decoder = new TextDecoder();

/**
 * All that a store holds, asked in every way there is.
 * @param absent keys asked for one by one although a scan may not show them
 * @throws Error when scans and single reads disagree
 */
export async function readState(db: Bitcask, absent: readonly string[] = []): Promise<State> {
  const contents = new Map<string, string>();
  let previous = "";
  for await (const { key, value } of db.entries()) {
    const name = decoder.decode(key);
    if (name <= previous) throw new Error(`the scan shows "${name}" after "${previous}"`);
    previous = name;
    contents.set(name, decoder.decode(value));
  }
  for (const key of new Set([...absent, ...contents.keys()])) {
    const bytes = db.getSync(key);
    const value = bytes === undefined ? undefined : decoder.decode(bytes);
    const scanned = contents.get(key);
    if (value !== scanned) throw new Error(`get("${key}") is ${value}, the scan shows ${scanned}`);
  }
  return stateOf(contents);
}
