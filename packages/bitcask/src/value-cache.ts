/**
 * Values that were read lately, bounded in bytes, by S3-FIFO (Yang et al., SOSP 2023): what is new goes
 * into a small queue and reaches the main one only when it is read again before it leaves, or comes back
 * soon after; so one long scan, or many keys read once, push out nothing that is in use.
 *
 * Entries go by the sequence number of their record, which no other record of the store ever bears:
 * overwriting, deleting and merging need not tell the cache anything. What nobody asks for any more
 * drifts out.
 */

interface CachedValue {
  readonly sequence: number;
  readonly value: Uint8Array;
  /** Reads since it came or was last spared, up to 3. */
  reads: number;
}

/** What an entry takes beside its value. */
const ENTRY_BYTES = 128;
const SMALL_SHARE = 0.1;
/** A value larger than this share of the cache would push out too much. */
const LARGEST_SHARE = 1 / 16;

export class ValueCache {
  private readonly maxBytes: number;
  private readonly entries = new Map<number, CachedValue>();
  private readonly small = new Queue();
  private readonly main = new Queue();
  /** Numbers that left the small queue unread, oldest first. At most as many as there are entries. */
  private readonly ghosts = new Set<number>();
  hits = 0;
  misses = 0;

  /** @param maxBytes values and what they take beside; 0 keeps nothing */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Bytes taken now. Invariant: at most `maxBytes`. */
  get bytes(): number {
    return this.small.bytes + this.main.bytes;
  }

  /** The value, still the cache's: it must not be changed or handed out. */
  get(sequence: number): Uint8Array | undefined {
    const entry = this.entries.get(sequence);
    if (entry === undefined) {
      this.misses += 1;
      return undefined;
    }
    this.hits += 1;
    if (entry.reads < 3) entry.reads += 1;
    return entry.value;
  }

  /** Takes a copy of a value that was just read. */
  add(sequence: number, value: Uint8Array): void {
    const bytes = value.length + ENTRY_BYTES;
    if (bytes > this.maxBytes * LARGEST_SHARE || this.entries.has(sequence)) return;
    while (this.bytes + bytes > this.maxBytes) this.evict();
    const entry = { sequence, value: value.slice(), reads: 0 };
    this.entries.set(sequence, entry);
    if (this.ghosts.delete(sequence)) this.main.push(entry);
    else this.small.push(entry);
  }

  private evict(): void {
    if (this.small.bytes > this.maxBytes * SMALL_SHARE || this.main.isEmpty) this.evictSmall();
    else this.evictMain();
  }

  private evictSmall(): void {
    const entry = this.small.shift();
    if (entry.reads > 0) {
      entry.reads = 0;
      this.main.push(entry);
      return;
    }
    this.entries.delete(entry.sequence);
    this.ghosts.add(entry.sequence);
    for (const oldest of this.ghosts) {
      if (this.ghosts.size <= this.entries.size + 1) break;
      this.ghosts.delete(oldest);
    }
  }

  private evictMain(): void {
    const entry = this.main.shift();
    if (entry.reads === 0) {
      this.entries.delete(entry.sequence);
      return;
    }
    // Ends: each turn takes a read away.
    entry.reads -= 1;
    this.main.push(entry);
  }
}

const FIRST_SLOTS = 64;

/** First in, first out, in a ring that doubles. */
class Queue {
  private ring: (CachedValue | undefined)[] = Array.from({ length: FIRST_SLOTS });
  private head = 0;
  private count = 0;
  bytes = 0;

  get isEmpty(): boolean {
    return this.count === 0;
  }

  push(entry: CachedValue): void {
    if (this.count === this.ring.length) this.double();
    this.ring[(this.head + this.count) & (this.ring.length - 1)] = entry;
    this.count += 1;
    this.bytes += entry.value.length + ENTRY_BYTES;
  }

  shift(): CachedValue {
    const entry = this.ring[this.head];
    if (entry === undefined) throw new Error("assertion: nothing to shift");
    this.ring[this.head] = undefined;
    this.head = (this.head + 1) & (this.ring.length - 1);
    this.count -= 1;
    this.bytes -= entry.value.length + ENTRY_BYTES;
    return entry;
  }

  private double(): void {
    const inOrder = [...this.ring.slice(this.head), ...this.ring.slice(0, this.head)];
    this.ring = [...inOrder, ...Array.from<undefined>({ length: inOrder.length })];
    this.head = 0;
  }
}
