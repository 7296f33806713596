/** What a lock protects: it refuses whoever comes with an older token than the newest that it has seen. */
export class FencedResource {
  #newest = 0;
  #holderOfNewest: number | undefined;
  readonly holders = new Map<number, number>();
  refused = 0;
  accepted = 0;
  readonly problems: string[] = [];
  readonly #seen = new Set<number>();

  /**
   * @param contender who comes with the token
   * @param wasFrozen whether it may have taken the lock long before it came here for the first time
   */
  use(token: number, contender: number, wasFrozen: boolean): void {
    const isNew = !this.#seen.has(token);
    this.#seen.add(token);
    if (token < this.#newest) {
      this.refused += 1;
      if (isNew && !wasFrozen) {
        this.problems.push(`token ${token} was given after ${this.#newest}, to ${contender}`);
      }
      return;
    }
    if (token === this.#newest && contender !== this.#holderOfNewest) {
      this.problems.push(`token ${token} was given to ${this.#holderOfNewest} and to ${contender}`);
    }
    if (token > this.#newest) this.holders.set(contender, (this.holders.get(contender) ?? 0) + 1);
    this.#newest = token;
    this.#holderOfNewest = contender;
    this.accepted += 1;
  }

  get turns(): number {
    return [...this.holders.values()].reduce((sum, turns) => sum + turns, 0);
  }
}
