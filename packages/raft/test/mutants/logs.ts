/** Bugs in the shared log. */

import type { Mutant } from "./mutant.js";

export const LOGS: readonly Mutant[] = [
  {
    id: "sync-left-out",
    pitfall: 13,
    rig: "host",
    file: "wal/active-segment.ts",
    before:
      '      const elapsedMs = await this.#watch.time("sync", () => this.#handle.sync());\n      this.#syncedOffset = offset;',
    after: "      const elapsedMs = 0;\n      this.#syncedOffset = offset;",
    bug: "The log never syncs its segment.",
  },
  {
    id: "failed-sync-swallowed",
    pitfall: 13,
    rig: "host",
    file: "wal/active-segment.ts",
    before:
      '      this.#syncedOffset = offset;\n      return elapsedMs;\n    } catch (error) {\n      throw this.#health.poison("sync", this.#path(), error);',
    after:
      "      this.#syncedOffset = offset;\n      return elapsedMs;\n    } catch {\n      this.#syncedOffset = offset;\n      return 0;",
    bug: "A failed sync is taken for a successful one.",
  },
  {
    id: "newer-state-lost-in-collection",
    pitfall: 1,
    rig: "host",
    file: "wal/group-log.ts",
    before:
      '      if (kind === "hard-state") yield { kind, group, hardState: this.#hardState };\n      else if',
    after:
      '      if (kind === "hard-state") {\n        yield { kind, group, hardState: { ...this.#hardState, vote: undefined } };\n      } else if',
    bug: "Garbage collection copies a term without its vote.",
  },
  {
    id: "segment-freed-before-copied",
    pitfall: 13,
    rig: "host",
    file: "wal/garbage-collector.ts",
    before: "      bytesCopied += await this.#copyLive(oldest);\n",
    after: "",
    bug: "A segment goes with what is still live in it.",
  },
  {
    id: "relocated-entries-end-the-log",
    pitfall: 2,
    rig: "host",
    file: "wal/group-log.ts",
    before: '      case "relocated":\n        return this.#placeEntries(record.entries, place);',
    after:
      '      case "relocated":\n        this.#dropFrom(record.entries[0]?.index ?? INDEX_ZERO);\n        return this.#placeEntries(record.entries, place);',
    bug: "A copy of old entries cuts off newer ones.",
  },
];
