/**
 * Append tasks of one group that are not done yet, oldest first. What a task promises is heard only
 * when it and all tasks before it are durable (Raft thesis §3.8), in that order.
 */

import type { Message } from "../../core/message.js";

interface Waiting {
  readonly responses: readonly Message[];
  isDone: boolean;
}

export class AppendOrder {
  readonly #waiting: Waiting[] = [];
  readonly #deliver: (message: Message) => void;

  constructor(deliver: (message: Message) => void) {
    this.#deliver = deliver;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Adds a task. @returns what to call once it is durable; nothing is delivered before */
  add(responses: readonly Message[]): () => void {
    const task: Waiting = { responses, isDone: false };
    this.#waiting.push(task);
    return () => {
      task.isDone = true;
    };
  }

  /** Delivers what may be heard by now. */
  release(): void {
    while (this.#waiting[0]?.isDone === true) {
      const task = this.#waiting.shift();
      for (const response of task?.responses ?? []) this.#deliver(response);
    }
  }
}
