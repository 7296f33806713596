/** The log of a node, with everything that is written told to the model and the checker. */

import type { LogStorage } from "../core/storage.js";
import type { GroupLogs } from "../host/ports.js";
import { isRaftWalError } from "../wal/errors.js";
import type { GroupUpdate } from "../wal/group-update.js";
import type { CheckedNode, Checker } from "./checker.js";

export class WatchedLogs implements GroupLogs {
  readonly #inner: GroupLogs;
  readonly #node: CheckedNode;
  readonly #checker: Checker;

  constructor(inner: GroupLogs, node: CheckedNode, checker: Checker) {
    this.#inner = inner;
    this.#node = node;
    this.#checker = checker;
  }

  get maxBatchBytes(): number {
    return this.#inner.maxBatchBytes;
  }

  groupIds(): readonly number[] {
    return this.#inner.groupIds();
  }

  storage(group: number): LogStorage {
    return this.#inner.storage(group);
  }

  async append(
    updates: readonly GroupUpdate[],
    options: { readonly sync: boolean },
  ): Promise<unknown> {
    const { model } = this.#node;
    model.submit(updates, (update) => this.#checker.onSubmit(this.#node, update));
    try {
      const receipt = await this.#inner.append(updates, options);
      if (options.sync) model.confirm(updates);
      return receipt;
    } catch (error) {
      if (isRaftWalError(error) && error.outcome === "not-applied") model.refuse(updates);
      throw error;
    }
  }
}
