/** What verification finds and repair puts right, told in one shape. */

/**
 * - `"manifest"`: the list of files is missing or unreadable.
 * - `"name"`: a file is missing, or lies under a name that is not its own.
 * - `"data"`: bytes of a data file that are no record, or a batch without all of its parts.
 * - `"hint"`: a hint that cannot be used. Costs time at the next open and loses nothing.
 */
export type DamageKind = "manifest" | "name" | "data" | "hint";

/** A record that lay in damaged bytes, as far as it is known. */
export interface LostRecord {
  readonly key: Uint8Array;
  readonly sequence: number;
  /** It was a deletion. */
  readonly isDeletion: boolean;
  /** `"hint"` vouches by its checksum; `"record"` was read from the damaged bytes themselves, and only
   *  because their layout still fits. */
  readonly source: "hint" | "record";
}

export interface Damage {
  readonly kind: DamageKind;
  /** Path of the file. */
  readonly file: string;
  /** Where the damage begins, and how many bytes it covers. */
  readonly offset: number;
  readonly bytes: number;
  readonly what: string;
  /** Records that are known to have lain there. A key may live on in another record, older or newer. */
  readonly lost: readonly LostRecord[];
}

/** Damages listed per report; more are counted. */
export const MAX_DAMAGES = 10_000;

/** Collects damages in bounded memory. */
export class DamageList {
  readonly items: Damage[] = [];
  /** Damages beyond {@link MAX_DAMAGES}. */
  omitted = 0;

  get count(): number {
    return this.items.length + this.omitted;
  }

  add(damage: Omit<Damage, "lost"> & Partial<Damage>): void {
    if (this.items.length < MAX_DAMAGES) this.items.push({ lost: [], ...damage });
    else this.omitted += 1;
  }
}
