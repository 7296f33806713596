/** Time for tests of what is told as work goes on. */
import { VirtualClock } from "./virtual-clock.js";

/** Time that moves on by a second whenever somebody looks. */
export class TickingClock extends VirtualClock {
  override monotonicMs(): number {
    this.stall(1_000);
    return super.monotonicMs();
  }
}
