/** A process that takes a lock again and again, and uses what it protects while it holds it. Started by main.ts. */
import { isClientError, type Lock, TitanClient } from "@titan/client";
import type { ContenderOrders, ContenderReport } from "./messages.js";

const USES = 5;
const USE_MS = 20;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function tell(report: ContenderReport): void {
  process.send?.(report);
}

async function use(lock: Lock): Promise<void> {
  for (let turn = 0; turn < USES && !lock.signal.aborted; turn += 1) {
    tell({ type: "use", token: lock.token });
    await pause(USE_MS);
  }
  if (lock.signal.aborted) tell({ type: "lost" });
}

async function contend({ endpoints, key, ttlMs }: ContenderOrders): Promise<never> {
  const client = new TitanClient({ endpoints });
  for (;;) {
    try {
      await using lock = await client.lock(key, { ttlMs, timeoutMs: 60_000 });
      await use(lock);
    } catch (error) {
      // Of a release, or of a wait: what is not released ends with its lease.
      if (!isClientError(error)) throw error;
      tell({ type: "failed", code: error.code });
    }
  }
}

process.once("message", (orders) => {
  contend(orders as ContenderOrders).catch((error: unknown) => {
    tell({ type: "defect", message: String(error) });
    process.exit(1);
  });
});
// Whoever has started it is gone.
process.once("disconnect", () => process.exit(0));
