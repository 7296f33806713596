import type {
  Keydir as EngineKeydirPort,
  KeydirSnapshot as EngineSnapshot,
  KeyRange,
  Location,
} from "../keydir.js";
import type { Random } from "../ports.js";
import type { CursorOptions } from "./key-cursor.js";
import { Keydir } from "./keydir.js";
import type { KeydirOptions } from "./keydir-options.js";

/** The off-heap keydir behind the interface that the engine was written against. */
export class EngineKeydir implements EngineKeydirPort {
  /** For what the engine's interface does not have: bulk load, relocation, cursors, statistics. */
  readonly inner: Keydir;

  constructor(deps: { readonly random: Random }, options: KeydirOptions = {}) {
    this.inner = new Keydir(deps, options);
  }

  get size(): number {
    return this.inner.size;
  }

  get(key: Uint8Array, out: Location): boolean {
    return this.inner.get(key, out);
  }

  set(key: Uint8Array, location: Location, displaced: Location): boolean {
    return this.inner.set(key, location, displaced) === "location";
  }

  /**
   * @param sequence of the deletion; without it the next one, which is right as long as every record
   *   has a sequence number of its own
   */
  delete(
    key: Uint8Array,
    displaced: Location,
    sequence: number = this.inner.highestSequence + 1,
  ): boolean {
    // A deletion of nothing must not use up a number that a record may bear.
    return this.inner.has(key) && this.inner.delete(key, sequence, displaced) === "location";
  }

  snapshot(range: KeyRange): EngineSnapshot {
    const cursor = this.inner.cursor(toCursorOptions(range));
    return {
      next(out) {
        if (!cursor.next()) return undefined;
        cursor.location(out);
        return cursor.key();
      },
      release: () => cursor.close(),
    };
  }
}

function toCursorOptions({ lower, upper, isReverse }: KeyRange): CursorOptions {
  return {
    reverse: isReverse,
    ...(lower === undefined ? {} : { [lower.isInclusive ? "gte" : "gt"]: lower.key }),
    ...(upper === undefined ? {} : { [upper.isInclusive ? "lte" : "lt"]: upper.key }),
  };
}
