/** Bytes that many share, with a limit. */

export class ByteBudget {
  readonly max: number;
  #used = 0;

  constructor(max: number) {
    this.max = max;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes `bytes` when there is room for them. What finds nothing taken fits, whatever its size. */
  tryTake(bytes: number): boolean {
    if (this.#used > 0 && this.#used + bytes > this.max) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}
