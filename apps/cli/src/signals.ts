/** Ctrl-C and other signals of the process: who hears them. */
import { EXIT } from "./exit-codes.js";
import type { CliPorts, PassedSignal } from "./ports.js";

/** The process, or what plays it. */
export interface SignalSource {
  on(signal: PassedSignal, listener: () => void): unknown;
  off(signal: PassedSignal, listener: () => void): unknown;
  exit(code: number): unknown;
}

/**
 * @param hasTerminal whether we have one: its Ctrl-C goes to all that runs there, a command of ours included, and many take
 * a second one for impatience
 */
export function createSignals(
  source: SignalSource,
  hasTerminal: boolean,
): Pick<CliPorts, "onInterrupt" | "onSignal"> {
  let isInterrupted = false;
  const interruptListeners = new Set<() => void>();
  const signalListeners = new Set<(signal: PassedSignal) => void>();
  const tell = (signal: PassedSignal): void => {
    for (const listener of signalListeners) listener(signal);
  };
  source.on("SIGINT", () => {
    if (signalListeners.size > 0) {
      if (!hasTerminal) tell("SIGINT");
      return;
    }
    // The second Ctrl-C does not wait for anything, nor does one that nobody is there to handle.
    if (isInterrupted || interruptListeners.size === 0) source.exit(EXIT.interrupted);
    isInterrupted = true;
    for (const listener of interruptListeners) listener();
  });
  const onTerminate = (): void => tell("SIGTERM");
  return {
    onInterrupt(listener) {
      interruptListeners.add(listener);
      return () => interruptListeners.delete(listener);
    },
    onSignal(listener) {
      // Only then: without a listener of ours SIGTERM ends the process, as it should.
      if (signalListeners.size === 0) source.on("SIGTERM", onTerminate);
      signalListeners.add(listener);
      return () => {
        if (!signalListeners.delete(listener) || signalListeners.size > 0) return;
        source.off("SIGTERM", onTerminate);
      };
    },
  };
}
