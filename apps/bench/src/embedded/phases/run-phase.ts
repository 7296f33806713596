import type { Phase } from "../job.js";
import { runCallCost } from "./call-cost-phase.js";
import { durablePut } from "./durable-put-phase.js";
import { runLoad } from "./load-phase.js";
import { runMergeLatency } from "./merge-latency-phase.js";
import { mix } from "./mix-phase.js";
import { runOpen } from "./open-phase.js";
import { runOrderCost } from "./order-cost-phase.js";
import type { PhaseRun } from "./phase.js";
import { runReadFloor } from "./read-floor-phase.js";
import { readKeys, readMany } from "./read-phase.js";
import { runRemove } from "./remove-phase.js";
import { runScan } from "./scan-phase.js";
import { runSpace } from "./space-phase.js";

/** The code of a phase. */
export function phaseRun(phase: Phase): PhaseRun {
  switch (phase.kind) {
    case "load":
      return runLoad;
    case "durable-put":
      return durablePut(phase.callers);
    case "read":
      return readKeys(phase);
    case "get-many":
      return readMany(phase);
    case "mix":
      return mix(phase.readShare);
    case "scan":
      return runScan;
    case "remove":
      return runRemove;
    case "open":
      return runOpen;
    case "space":
      return runSpace;
    case "merge-latency":
      return runMergeLatency;
    case "order-cost":
      return runOrderCost;
    case "read-floor":
      return runReadFloor;
    case "call-cost":
      return runCallCost;
  }
}
