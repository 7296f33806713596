/**
 * How many bytes of each segment are still needed, and by whom. A segment that nobody needs can go;
 * one that few bytes keep is worth rewriting.
 */

/** Bytes that one group needs of one segment. */
export interface GroupBytes {
  readonly group: number;
  readonly bytes: number;
}

export class LiveBytes {
  readonly #segments = new Map<number, { total: number; readonly groups: Map<number, number> }>();
  #total = 0;

  /** Bytes that are still needed, over all segments. */
  get total(): number {
    return this.#total;
  }

  add(segment: number, group: number, bytes: number): void {
    let live = this.#segments.get(segment);
    if (live === undefined) {
      live = { total: 0, groups: new Map() };
      this.#segments.set(segment, live);
    }
    live.total += bytes;
    this.#total += bytes;
    live.groups.set(group, (live.groups.get(group) ?? 0) + bytes);
  }

  remove(segment: number, group: number, bytes: number): void {
    const live = this.#segments.get(segment);
    const left = (live?.groups.get(group) ?? 0) - bytes;
    if (live === undefined || left < 0) {
      throw new Error(`assertion: group ${group} frees more of segment ${segment} than it holds`);
    }
    live.total -= bytes;
    this.#total -= bytes;
    if (left === 0) live.groups.delete(group);
    else live.groups.set(group, left);
    if (live.groups.size === 0) this.#segments.delete(segment);
  }

  of(segment: number): number {
    return this.#segments.get(segment)?.total ?? 0;
  }

  /** Who needs the segment, the greediest first. */
  groupsOf(segment: number): readonly GroupBytes[] {
    const groups = this.#segments.get(segment)?.groups ?? new Map<number, number>();
    return [...groups]
      .map(([group, bytes]) => ({ group, bytes }))
      .sort((a, b) => b.bytes - a.bytes || a.group - b.group);
  }
}
