/** Bounds the work that is under way at once, and knows when there is none. */
import { KvError } from "../kv/kv-error.js";

/** How much may be under way. */
export interface AdmissionLimits {
  readonly concurrentRequests: number;
  /** Of `concurrentRequests`, how many may be scans. */
  readonly concurrentScans: number;
  /** Watches beside them, which mostly wait. @default 1024 */
  readonly concurrentWatches?: number;
  /** Bytes of keys and values of all requests under way. One request alone may exceed it. */
  readonly requestBytes: number;
}

const DEFAULT_WATCHES = 1024;

/** Lets requests in, up to its limits. */
export class Admission {
  readonly #limits: AdmissionLimits;
  #requests = 0;
  #scans = 0;
  #watches = 0;
  #bytes = 0;
  #refusal: KvError | undefined;
  readonly #stopping = new AbortController();

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** Requests under way. */
  get requests(): number {
    return this.#requests;
  }

  /** Aborts when {@link Admission.stop} is called, with its error: for what would go on by itself. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Refuses every later request with `error`. */
  stop(error: KvError): void {
    this.#refusal = error;
    this.#stopping.abort(error);
  }

  /** Throws when requests are refused. For requests that are answered within the turn. */
  check(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  /**
   * Counts a request of `bytes` in; every `enter` that returns needs one `leave` with the same bytes.
   * @throws KvError `OVERLOADED`, or what {@link Admission.stop} was given
   */
  enter(bytes: number): void {
    this.check();
    const { concurrentRequests, requestBytes } = this.#limits;
    if (this.#requests >= concurrentRequests) {
      throw overloaded("requests", concurrentRequests);
    }
    if (this.#bytes > 0 && this.#bytes + bytes > requestBytes) {
      throw overloaded("bytes of requests", requestBytes);
    }
    this.#requests += 1;
    this.#bytes += bytes;
  }

  /** Counts a request out. */
  leave(bytes: number): void {
    this.#requests -= 1;
    this.#bytes -= bytes;
    if (this.#requests < 0 || this.#bytes < 0) throw new Error("a request left twice");
  }

  /** As {@link Admission.enter}, for a scan. */
  enterScan(): void {
    this.check();
    const { concurrentScans } = this.#limits;
    if (this.#scans >= concurrentScans) throw overloaded("scans", concurrentScans);
    this.enter(0);
    this.#scans += 1;
  }

  /** As {@link Admission.enter}, for a watch; it does not count as a request. */
  enterWatch(): void {
    this.check();
    const { concurrentWatches = DEFAULT_WATCHES } = this.#limits;
    if (this.#watches >= concurrentWatches) throw overloaded("watches", concurrentWatches);
    this.#watches += 1;
  }

  /** As {@link Admission.leave}, for a watch. */
  leaveWatch(): void {
    this.#watches -= 1;
  }

  /** As {@link Admission.leave}, for a scan. */
  leaveScan(): void {
    this.leave(0);
    this.#scans -= 1;
  }
}

function overloaded(what: string, limit: number): KvError {
  return new KvError({
    code: "OVERLOADED",
    message: `the node has its limit of ${limit} ${what} under way; nothing was done`,
  });
}
