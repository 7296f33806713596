/**
 * A keydir over `Map`: simple and obviously right, at some 200 bytes per key. Keys are held as Latin-1
 * strings, one character per byte, so that string order is byte order.
 */
import { asBuffer } from "./bytes.js";
import type { Keydir, KeydirSnapshot, KeyRange, Location } from "./keydir.js";

export class MapKeydir implements Keydir {
  // Invariant: a stored location is never changed, only replaced: snapshots share it.
  private readonly map = new Map<string, Readonly<Location>>();

  get size(): number {
    return this.map.size;
  }

  get(key: Uint8Array, out: Location): boolean {
    const found = this.map.get(toLatin1(key));
    if (found === undefined) return false;
    Object.assign(out, found);
    return true;
  }

  set(key: Uint8Array, location: Location, displaced: Location): boolean {
    const name = toLatin1(key);
    const before = this.map.get(name);
    this.map.set(name, { ...location });
    if (before === undefined) return false;
    Object.assign(displaced, before);
    return true;
  }

  delete(key: Uint8Array, displaced: Location): boolean {
    const name = toLatin1(key);
    const before = this.map.get(name);
    if (before === undefined) return false;
    this.map.delete(name);
    Object.assign(displaced, before);
    return true;
  }

  snapshot(range: KeyRange): KeydirSnapshot {
    const matches = matcher(range);
    let entries = [...this.map].filter(([name]) => matches(name));
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    if (range.isReverse) entries.reverse();
    let index = 0;
    return {
      next(out) {
        const entry = entries[index];
        if (entry === undefined) return undefined;
        index += 1;
        Object.assign(out, entry[1]);
        return Uint8Array.from(Buffer.from(entry[0], "latin1"));
      },
      release() {
        entries = [];
      },
    };
  }
}

function toLatin1(key: Uint8Array): string {
  return asBuffer(key).toString("latin1");
}

function matcher({ lower, upper }: KeyRange): (name: string) => boolean {
  const low = lower && toLatin1(lower.key);
  const high = upper && toLatin1(upper.key);
  return (name) => {
    if (low !== undefined && (name < low || (name === low && !lower?.isInclusive))) return false;
    return high === undefined || name < high || (name === high && upper?.isInclusive === true);
  };
}
