/**
 * A state machine on disk: accounts in one file, which is replaced as a whole together with the index
 * of the last command in it. Between two replacements commands are only in memory, and lost in a crash:
 * the host gives them again.
 */

import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { Command, OnDiskStateMachine, TakenSnapshot } from "@titan/raft";

export interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly amount: number;
}

/** What is in the file. */
interface State {
  readonly index: number;
  readonly accounts: readonly (readonly [name: string, balance: number])[];
}

export class Ledger implements OnDiskStateMachine {
  readonly kind = "on-disk";
  readonly path: string;
  #index = 0;
  #accounts = new Map<string, number>();

  constructor(path: string) {
    this.path = path;
  }

  balances(): [string, number][] {
    return [...this.#accounts];
  }

  async open(): Promise<number> {
    try {
      this.#take(JSON.parse(await readFile(this.path, "utf8")) as State);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    return this.#index;
  }

  /** Answers each transfer with what the giver has left. */
  apply(commands: readonly Command[]): Uint8Array[] {
    return commands.map(({ index, data }) => {
      const { from, to, amount } = JSON.parse(Buffer.from(data).toString()) as Transfer;
      const left = (this.#accounts.get(from) ?? 0) - amount;
      this.#accounts.set(from, left);
      this.#accounts.set(to, (this.#accounts.get(to) ?? 0) + amount);
      this.#index = index;
      return Buffer.from(String(left));
    });
  }

  async sync(): Promise<number> {
    const state: State = { index: this.#index, accounts: [...this.#accounts] };
    await replaceFile(this.path, JSON.stringify(state));
    return state.index;
  }

  snapshot(): TakenSnapshot {
    return { index: this.#index, chunks: [Buffer.from(JSON.stringify([...this.#accounts]))] };
  }

  async restore(snapshot: {
    readonly index: number;
    readonly chunks: AsyncIterable<Uint8Array>;
  }): Promise<void> {
    const parts: Uint8Array[] = [];
    // Throws when the snapshot turns out to be damaged: nothing has changed by then.
    for await (const chunk of snapshot.chunks) parts.push(chunk);
    const accounts = JSON.parse(Buffer.concat(parts).toString()) as State["accounts"];
    this.#take({ index: snapshot.index, accounts });
    await this.sync();
  }

  #take({ index, accounts }: State): void {
    this.#index = index;
    this.#accounts = new Map(accounts);
  }
}

/** All of it or nothing, and durably: a new file, synced, takes the old one's name. */
async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(`${path}.new`, "w");
  await file.writeFile(text);
  await file.sync();
  await file.close();
  await rename(`${path}.new`, path);
  const directory = await open(dirname(path), "r");
  await directory.sync();
  await directory.close();
}
