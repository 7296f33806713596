/** The end of something that many work for: a signal that all of them listen to. */
import { setMaxListeners } from "node:events";

export interface SharedEnd {
  readonly signal: AbortSignal;
  /** Idempotent. */
  abort(): void;
}

/** Ends also when `outer` does, with its reason. */
export function endOf(outer: AbortSignal | undefined): SharedEnd {
  const controller = new AbortController();
  const { signal } = controller;
  // As many as there are shards; each takes its listener back.
  setMaxListeners(0, signal);
  const onAbort = (): void => end.abort();
  const end = {
    signal,
    abort: (): void => {
      outer?.removeEventListener("abort", onAbort);
      controller.abort(outer?.reason);
    },
  };
  if (outer?.aborted === true) end.abort();
  else outer?.addEventListener("abort", onAbort, { once: true });
  return end;
}
