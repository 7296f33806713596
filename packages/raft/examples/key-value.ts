/** A state machine in memory: keys and values. The host keeps its snapshots. */

import type { Command, InMemoryStateMachine } from "@titan/raft";

export type Change = { readonly put: string; readonly value: string } | { readonly remove: string };

export class KeyValue implements InMemoryStateMachine {
  readonly kind = "in-memory";
  #values = new Map<string, string>();

  /** Only to be asked after `readIndex`, if the answer has to be up to date. */
  get(key: string): string | undefined {
    return this.#values.get(key);
  }

  entries(): [string, string][] {
    return [...this.#values];
  }

  /** Answers each change with the value that was there before. */
  apply(commands: readonly Command[]): (Uint8Array | undefined)[] {
    return commands.map(({ data }) => {
      const change = JSON.parse(Buffer.from(data).toString()) as Change;
      const key = "put" in change ? change.put : change.remove;
      const before = this.#values.get(key);
      if ("put" in change) this.#values.set(key, change.value);
      else this.#values.delete(key);
      return before === undefined ? undefined : Buffer.from(before);
    });
  }

  /** A copy, as commands are applied while it is written. */
  snapshot(): Uint8Array[] {
    return [Buffer.from(JSON.stringify([...this.#values]))];
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    this.#values = new Map(JSON.parse(Buffer.concat(parts).toString()) as [string, string][]);
  }
}
