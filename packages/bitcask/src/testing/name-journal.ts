/**
 * The names of a disk: which directory holds which name for which inode, as running programs see it
 * (`cached`), as it is on the platter (`durable`), and the unsynced changes between the two.
 *
 * A change is atomic: a rename takes the old name away and gives the new one in one step, or does
 * neither. Changes of one name keep their order; beyond that a power cut keeps any subset.
 */

/** One name set or taken away (`inode` undefined). */
export interface NameAssignment {
  readonly directory: number;
  readonly name: string;
  readonly inode: number | undefined;
}

/** One unsynced call that changed names. */
export interface NameChange {
  readonly label: string;
  readonly assignments: readonly NameAssignment[];
}

type Names = Map<number, Map<string, number>>;

function apply(names: Names, change: NameChange): void {
  for (const { directory, name, inode } of change.assignments) {
    const entries = names.get(directory) ?? new Map<string, number>();
    names.set(directory, entries);
    if (inode === undefined) entries.delete(name);
    else entries.set(name, inode);
  }
}

function copyOf(names: Names): Names {
  return new Map([...names].map(([directory, entries]) => [directory, new Map(entries)]));
}

function keysOf(change: NameChange): string[] {
  return change.assignments.map(({ directory, name }) => `${directory}/${name}`);
}

export class NameJournal {
  private cached: Names = new Map();
  private durable: Names = new Map();
  private unsynced: NameChange[] = [];

  /** Names that running programs see in a directory. */
  entries(directory: number): ReadonlyMap<string, number> {
    return this.cached.get(directory) ?? new Map<string, number>();
  }

  /** Changes that no directory sync has covered yet, oldest first. */
  pending(): readonly NameChange[] {
    return this.unsynced;
  }

  change(change: NameChange): void {
    apply(this.cached, change);
    this.unsynced.push(change);
  }

  /**
   * Makes every change that touches `directory` durable, together with the earlier changes of the
   * same names, without which the outcome would put them in another order.
   */
  sync(directory: number): void {
    const touched = new Set<string>();
    const kept: NameChange[] = [];
    const committed: NameChange[] = [];
    for (const change of [...this.unsynced].reverse()) {
      const keys = keysOf(change);
      const here = change.assignments.some((assignment) => assignment.directory === directory);
      if (here || keys.some((key) => touched.has(key))) {
        committed.unshift(change);
        for (const key of keys) touched.add(key);
      } else {
        kept.unshift(change);
      }
    }
    for (const change of committed) apply(this.durable, change);
    this.unsynced = kept;
  }

  /** The names after a power cut that kept pending change `i` where `kept[i]` says so. */
  survive(kept: readonly boolean[]): NameJournal {
    const survivor = new NameJournal();
    survivor.durable = copyOf(this.durable);
    this.unsynced.forEach((change, index) => {
      if (kept[index] === true) apply(survivor.durable, change);
    });
    survivor.cached = copyOf(survivor.durable);
    return survivor;
  }

  clone(): NameJournal {
    const twin = new NameJournal();
    twin.cached = copyOf(this.cached);
    twin.durable = copyOf(this.durable);
    twin.unsynced = [...this.unsynced];
    return twin;
  }

  /** Every inode that some name, present, durable or pending, still refers to. */
  referenced(): Set<number> {
    const inodes = new Set<number>();
    for (const names of [this.cached, this.durable]) {
      for (const entries of names.values()) for (const inode of entries.values()) inodes.add(inode);
    }
    for (const change of this.unsynced) {
      for (const { inode } of change.assignments) if (inode !== undefined) inodes.add(inode);
    }
    return inodes;
  }
}
