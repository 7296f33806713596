/** The {@link ProcessTable} port over processes that exist only in a test. */
import type { ProcessIdentity, ProcessTable } from "../ports.js";

/** A machine with processes that start and die at a word. Hand each simulated process its own view. */
export class FakeMachine {
  readonly host: string;
  private readonly running = new Map<number, string>();
  private starts = 0;

  constructor(host = "test-host") {
    this.host = host;
  }

  /** Starts a process. A number that ran before may run again, with another start token. */
  start(pid: number): ProcessTable {
    if (this.running.has(pid)) throw new RangeError(`process ${pid} runs already`);
    this.starts += 1;
    const startToken = `start-${this.starts}`;
    this.running.set(pid, startToken);
    const self: ProcessIdentity = { pid, host: this.host, startToken };
    return { self: () => self, isAlive: (holder) => this.stateOf(holder) };
  }

  /** Ends a process without giving it a say. */
  kill(pid: number): void {
    this.running.delete(pid);
  }

  private stateOf(holder: ProcessIdentity): "alive" | "dead" | "unknown" {
    if (holder.host !== this.host) return "unknown";
    const startToken = this.running.get(holder.pid);
    if (startToken === undefined) return "dead";
    // An unknown start token leaves the number as the only evidence.
    return holder.startToken === "" || holder.startToken === startToken ? "alive" : "dead";
  }
}
