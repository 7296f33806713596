/** What the parts of a simulated cluster share. */

import type { CoreEvent } from "../core/options.js";
import type { Checker } from "./checker.js";
import type { CoverageCounter } from "./coverage.js";
import type { SimSettings } from "./settings.js";
import type { SimLoop } from "./sim-loop.js";
import type { SimNetwork } from "./sim-network.js";
import type { SimNode } from "./sim-node.js";
import type { SimulatedMachine } from "./simulated-machine.js";
import type { Trace } from "./trace.js";

export interface SimContext {
  readonly seed: number;
  readonly settings: SimSettings;
  readonly loop: SimLoop;
  readonly network: SimNetwork;
  readonly checker: Checker;
  readonly coverage: CoverageCounter;
  readonly trace: Trace;
  readonly simulated: SimulatedMachine;
  /** All nodes that there ever were. */
  readonly nodes: Map<number, SimNode>;
  /** Something of this node's process is about to run. */
  onRun(node: SimNode): void;
  onGroupEvent(node: SimNode, group: number, event: CoreEvent): void;
  /** The node's log is damaged, and says so: its disk counts as lost. */
  onDamaged(node: SimNode): void;
  /** Leadership of a group is asked to go to a node. */
  onTransfer(group: number, to: number): void;
}
