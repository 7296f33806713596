/** State machines that remember every command, so that tests can compare what members hold. */

import type {
  Command,
  InMemoryStateMachine,
  OnDiskStateMachine,
  TakenSnapshot,
} from "../../../src/host/state-machine.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

export function bytes(words: string): Uint8Array {
  return encoder.encode(words);
}

/** Answers a command with how many there are by then. */
export class JournalMachine implements InMemoryStateMachine {
  readonly kind = "in-memory";
  lines: string[] = [];
  restores = 0;
  /** When set, answers come by promise. */
  isSlow = false;
  /** Indexes of all commands that it was ever given. */
  readonly given: number[] = [];

  apply(commands: readonly Command[]) {
    const answers = commands.map(({ index, data }) => {
      this.given.push(index);
      this.lines.push(text(data));
      return bytes(String(this.lines.length));
    });
    return this.isSlow ? Promise.resolve(answers) : answers;
  }

  snapshot(): Iterable<Uint8Array> {
    return [bytes(JSON.stringify(this.lines))];
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.lines = JSON.parse(await gather(chunks)) as string[];
    this.restores += 1;
  }
}

/** What survives of a {@link DiskJournalMachine}: what it synced. */
export interface JournalDisk {
  lines: string[];
  index: number;
}

/** Keeps its journal on a disk of its own, and forgets what it did not sync. */
export class DiskJournalMachine implements OnDiskStateMachine {
  readonly kind = "on-disk";
  readonly disk: JournalDisk;
  lines: string[] = [];
  index = 0;
  restores = 0;
  /** Indexes of all commands that it was ever given, since it was opened. */
  readonly given: number[] = [];

  constructor(disk: JournalDisk = { lines: [], index: 0 }) {
    this.disk = disk;
  }

  open(): Promise<number> {
    this.lines = [...this.disk.lines];
    this.index = this.disk.index;
    return Promise.resolve(this.index);
  }

  apply(commands: readonly Command[]): Promise<Uint8Array[]> {
    const answers = commands.map(({ index, data }) => {
      if (index <= this.index) throw new Error(`command ${index} again, after ${this.index}`);
      this.index = index;
      this.given.push(index);
      this.lines.push(text(data));
      return bytes(String(this.lines.length));
    });
    return Promise.resolve(answers);
  }

  sync(): Promise<number> {
    this.disk.lines = [...this.lines];
    this.disk.index = this.index;
    return Promise.resolve(this.index);
  }

  snapshot(): TakenSnapshot {
    return { index: this.index, chunks: [bytes(JSON.stringify(this.lines))] };
  }

  async restore(snapshot: {
    readonly index: number;
    readonly chunks: AsyncIterable<Uint8Array>;
  }): Promise<void> {
    this.lines = JSON.parse(await gather(snapshot.chunks)) as string[];
    this.index = snapshot.index;
    this.restores += 1;
    await this.sync();
  }
}

async function gather(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  return text(Buffer.concat(parts));
}
