/**
 * What is to happen, in the order of its time; what is due at the same time, in the order of its
 * coming. A binary heap. Times are whole numbers of any unit.
 */

/** Something to happen. */
export interface QueuedEvent {
  readonly at: number;
  /** Tells the order of coming. */
  readonly order: number;
  readonly run: () => void;
  isCancelled: boolean;
}

export class EventQueue {
  readonly #heap: QueuedEvent[] = [];
  #count = 0;

  /** When the next event is due that was not cancelled. */
  get nextAt(): number | undefined {
    while (this.#heap[0]?.isCancelled === true) this.#takeAny();
    return this.#heap[0]?.at;
  }

  add(at: number, run: () => void): QueuedEvent {
    this.#count += 1;
    const event = { at, order: this.#count, run, isCancelled: false };
    const heap = this.#heap;
    let place = heap.length;
    heap.push(event);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, event)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = event;
    return event;
  }

  /** Takes the next event out; one that was cancelled is passed over. */
  take(): QueuedEvent | undefined {
    for (;;) {
      const next = this.#takeAny();
      if (next === undefined || !next.isCancelled) return next;
    }
  }

  #takeAny(): QueuedEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      const child = this.#earlierChild(place);
      const below = heap[child];
      if (below === undefined || isBefore(last, below)) break;
      heap[place] = below;
      place = child;
    }
    heap[place] = last;
    return first;
  }

  #earlierChild(place: number): number {
    const left = 2 * place + 1;
    const [a, b] = [this.#heap[left], this.#heap[left + 1]];
    return a !== undefined && b !== undefined && isBefore(b, a) ? left + 1 : left;
  }
}

function isBefore(a: QueuedEvent, b: QueuedEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
