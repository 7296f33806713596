/** The life of one call: its deadline, the caller's signal and the client's close, as one signal. */
import type { Clock } from "./ports.js";

/** Why a call was ended from this side. */
export type ScopeEndKind = "timeout" | "aborted" | "closed";

/** The reason of a scope's signal. Never leaves the package. */
export class ScopeEnd extends Error {
  override readonly name: string = "ScopeEnd";

  constructor(
    readonly kind: ScopeEndKind,
    options?: ErrorOptions,
  ) {
    super(kind, options);
  }
}

/**
 * One call's scope. Begins with its deadline running. `finish()` must be called when the call has settled;
 * it frees the timer and the listener.
 */
export class CallScope {
  private readonly controller = new AbortController();
  private deadlineMs = 0;
  private cancelTimer: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    readonly timeoutMs: number,
    private readonly userSignal: AbortSignal | undefined,
    private readonly open: Set<CallScope>,
  ) {
    open.add(this);
    this.arm();
    if (userSignal === undefined) return;
    if (userSignal.aborted) this.onUserAbort();
    else userSignal.addEventListener("abort", this.onUserAbort, { once: true });
  }

  /** Fires when the call is to end; its reason is a {@link ScopeEnd}. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Why the call is to end; `undefined` while it is not. */
  get end(): ScopeEnd | undefined {
    return this.controller.signal.aborted ? (this.controller.signal.reason as ScopeEnd) : undefined;
  }

  /** Milliseconds until the deadline. */
  remainingMs(): number {
    return this.deadlineMs - this.clock.monotonicMs();
  }

  /** Begins the deadline anew: `timeoutMs` from now. */
  arm(): void {
    this.cancelTimer?.();
    this.deadlineMs = this.clock.monotonicMs() + this.timeoutMs;
    this.cancelTimer = this.clock.schedule(this.timeoutMs, this.onTimeout);
  }

  /** Stops the deadline, for as long as it is the caller who takes the time. */
  disarm(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
  }

  /** Settles as `promise` does, or rejects with the {@link ScopeEnd} when that comes first. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const onEnd = (): void => reject(this.controller.signal.reason as ScopeEnd);
      if (this.controller.signal.aborted) onEnd();
      else this.controller.signal.addEventListener("abort", onEnd, { once: true });
      promise.then(resolve, reject).finally(() => {
        this.controller.signal.removeEventListener("abort", onEnd);
      });
    });
  }

  /** Resolves after `delayMs`; rejects with the {@link ScopeEnd} when that comes first. */
  async sleep(delayMs: number): Promise<void> {
    let cancel: (() => void) | undefined;
    try {
      await this.race(
        new Promise<void>((resolve) => {
          cancel = this.clock.schedule(delayMs, resolve);
        }),
      );
    } finally {
      cancel?.();
    }
  }

  /** Ends the call because the client closes. */
  close(): void {
    this.controller.abort(new ScopeEnd("closed"));
  }

  /** The call has settled. */
  finish(): void {
    this.disarm();
    this.userSignal?.removeEventListener("abort", this.onUserAbort);
    this.open.delete(this);
  }

  private readonly onTimeout = (): void => {
    this.controller.abort(new ScopeEnd("timeout"));
  };

  private readonly onUserAbort = (): void => {
    this.controller.abort(new ScopeEnd("aborted", { cause: this.userSignal?.reason }));
  };
}
