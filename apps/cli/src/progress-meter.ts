/** How far work of many steps is, and when it is time to tell. */
import type { Clock } from "./ports.js";
import type { Progress } from "./report.js";

/** Between two updates: often enough to look alive. */
const UPDATE_MS = 200;

export class ProgressMeter {
  entries = 0;
  bytes = 0;
  private readonly clock: Clock;
  private readonly fixed: Pick<Progress, "totalBytes" | "isBesideAnswer">;
  private readonly startedAtMs: number;
  private shownAtMs: number;

  constructor(clock: Clock, fixed: Pick<Progress, "totalBytes" | "isBesideAnswer">) {
    this.clock = clock;
    this.fixed = fixed;
    this.startedAtMs = clock.monotonicMs();
    this.shownAtMs = this.startedAtMs;
  }

  /** Passes chunks on and counts their bytes. */
  async *counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.bytes += chunk.length;
      yield chunk;
    }
  }

  /** How far it is, when somebody should be told. */
  update(): Progress | undefined {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.shownAtMs < UPDATE_MS) return undefined;
    this.shownAtMs = nowMs;
    const { entries, bytes } = this;
    return { ...this.fixed, entries, bytes, elapsedMs: nowMs - this.startedAtMs };
  }
}
