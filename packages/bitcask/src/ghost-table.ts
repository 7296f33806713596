/**
 * Remembers roughly the last so many records that were pushed out unread. A record is forgotten when
 * another one falls on its slot; none is ever remembered that was not added.
 */
export class GhostTable {
  private readonly slots: Int32Array;
  private readonly shift: number;

  /** @param count slots, rounded up to a power of two */
  constructor(count: number) {
    const bits = Math.max(4, Math.ceil(Math.log2(Math.max(1, count))));
    this.slots = new Int32Array(1 << bits);
    this.shift = 32 - bits;
  }

  /** @param record not 0 */
  add(record: number): void {
    this.slots[this.slotOf(record)] = record;
  }

  /** @returns whether the record was remembered; it no longer is */
  takeOut(record: number): boolean {
    const slot = this.slotOf(record);
    if (this.slots[slot] !== record) return false;
    this.slots[slot] = 0;
    return true;
  }

  /** Fibonacci hashing: numbers that were handed out in a row spread evenly. */
  private slotOf(record: number): number {
    return Math.imul(record, 0x9e37_79b1) >>> this.shift;
  }
}
