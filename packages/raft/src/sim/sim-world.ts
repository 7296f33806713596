/**
 * A cluster under a virtual clock, on a network and disks that fail as a schedule says: real hosts, real
 * logs, real frames. First come the faults, then peace, in which every group has to work again.
 */

import type { CoreEvent, Role } from "../core/options.js";
import { SeededRandom } from "../testing/seeded-random.js";
import { Administrator } from "./administrator.js";
import { Checker } from "./checker.js";
import { CoverageCounter } from "./coverage.js";
import { FaultInjector } from "./fault-injector.js";
import type { FaultSchedule } from "./fault-schedule.js";
import { RegisterMachines } from "./register-machine.js";
import type { SimSettings } from "./settings.js";
import { SimClient } from "./sim-client.js";
import type { SimContext } from "./sim-context.js";
import { SimLoop } from "./sim-loop.js";
import { SimNetwork } from "./sim-network.js";
import { SimNode } from "./sim-node.js";
import type { SimulatedMachine } from "./simulated-machine.js";
import { Trace } from "./trace.js";
import { withOperation } from "./watched-machine.js";

export interface SimWorldOptions {
  readonly seed: number;
  readonly settings: SimSettings;
  readonly schedule: FaultSchedule;
  readonly machine: SimulatedMachine | undefined;
  readonly tell: ((line: string) => void) | undefined;
}

const US_PER_MS = 1000;
const POLL_MS = 50;
const LAST_CALL_TIMEOUT_MS = 500;
/** Steps after which a run counts as one that never ends. */
const MAX_STEPS = 2_000_000;

export class SimWorld {
  readonly trace: Trace;
  readonly coverage = new CoverageCounter();
  readonly checker: Checker;
  readonly loop: SimLoop;
  readonly #options: SimWorldOptions;
  readonly #context: SimContext;
  readonly #administrator: Administrator;
  readonly #injector: FaultInjector;
  readonly #nodes = new Map<number, SimNode>();
  readonly #touched = new Set<SimNode>();
  readonly #transfers = new Map<number, number>();
  readonly #clients = new Map<number, readonly SimClient[]>();
  readonly #roles = new Map<string, Role>();
  #operations = 0;

  constructor(options: SimWorldOptions) {
    this.#options = options;
    const { seed, settings } = options;
    const tell = options.tell;
    this.trace = new Trace(tell && ((line) => tell(`${this.loop.nowMs.toFixed(3)} ${line}`)));
    const { trace, coverage } = this;
    this.loop = new SimLoop(trace);
    const { loop } = this;
    this.checker = new Checker({
      coverage,
      step: () => loop.steps,
      nodes: () => this.#nodes.values(),
    });
    const random = new SeededRandom(seed, 1);
    const network = new SimNetwork({
      loop,
      random,
      trace,
      coverage,
      latencyUs: settings.latencyUs,
    });
    const { machineKind: kind, stateBytes } = settings;
    this.#context = {
      seed,
      settings,
      loop,
      network,
      checker: this.checker,
      coverage,
      trace,
      simulated: options.machine ?? new RegisterMachines({ kind, stateBytes }),
      nodes: this.#nodes,
      onRun: (node) => this.#touched.add(node),
      onGroupEvent: (node, group, event) => this.#onGroupEvent(node, group, event),
      onDamaged: (node) => this.#administrator.wipe(node),
      onTransfer: (group, to) => this.#transfers.set(group, to),
    };
    this.#administrator = new Administrator(this.#context, () => this.#addNode(false));
    this.#injector = new FaultInjector(this.#context, this.#administrator);
  }

  async run(): Promise<void> {
    const { settings, schedule } = this.#options;
    for (let id = 1; id <= settings.founders + settings.spares; id += 1) {
      this.#addNode(id <= settings.founders);
    }
    this.#startClients();
    this.#administrator.start();
    this.#injector.begin(schedule);
    await this.#runUntil(settings.chaosMs, () => false);
    this.trace.tell(() => "peace");
    this.#injector.end();
    for (const clients of this.#clients.values()) for (const client of clients) client.stop();
    await this.#expectProgress();
  }

  #addNode(isFounder: boolean): SimNode {
    const id = this.#nodes.size + 1;
    const node = new SimNode(this.#context, id, isFounder);
    this.#nodes.set(id, node);
    node.start();
    return node;
  }

  #startClients(): void {
    const { settings } = this.#options;
    for (let group = 1; group <= settings.groups; group += 1) {
      const clients = Array.from({ length: settings.clients }, (_, number) => {
        return new SimClient(this.#context, group, number, () => this.#nextOperation());
      });
      this.#clients.set(group, clients);
      for (const client of clients) client.start();
    }
  }

  #nextOperation(): number {
    this.#operations += 1;
    return this.#operations;
  }

  async #runUntil(endMs: number, isOver: () => boolean): Promise<void> {
    const { checker, loop } = this;
    await loop.runUntil(
      endMs,
      () => this.#afterStep(),
      () => {
        if (loop.steps > MAX_STEPS) checker.report("liveness", `${MAX_STEPS} steps, and no end`);
        return checker.violation !== undefined || isOver();
      },
    );
  }

  #afterStep(): void {
    for (const node of this.#touched) {
      const { host } = node;
      if (host === undefined) continue;
      for (const handle of host.groups()) this.checker.look(node, handle);
    }
    this.#touched.clear();
  }

  /** In peace, a command goes through in every group and reaches every member; after a rest again. */
  async #expectProgress(): Promise<void> {
    const { restMs } = this.#options.settings;
    await this.#expectCommands();
    if (restMs === 0) return;
    await this.#runUntil(this.loop.nowMs + restMs, () => false);
    for (const { host } of this.#nodes.values()) {
      if ((host?.status().sleepingGroups ?? 0) > 0) this.coverage.hit("quiesced");
    }
    await this.#expectCommands();
  }

  async #expectCommands(): Promise<void> {
    const { settings } = this.#options;
    const endMs = this.loop.nowMs + settings.healMs;
    const open = new Set(Array.from({ length: settings.groups }, (_, at) => at + 1));
    const lasts = new Map<number, number>();
    for (const group of open) this.#proposeLast(group, lasts);
    const poll = (): void => {
      for (const group of open) if (this.#isSettled(group, lasts.get(group))) open.delete(group);
      if (open.size > 0) this.loop.after(POLL_MS * US_PER_MS, poll);
    };
    poll();
    await this.#runUntil(endMs, () => open.size === 0 && !this.#administrator.isReplacing);
    if (this.checker.violation !== undefined) return;
    if (open.size === 0 && !this.#administrator.isReplacing) return;
    const message = `no progress in ${settings.healMs} ms of peace: ${this.#describe([...open])}`;
    this.checker.report("liveness", message);
  }

  /** Proposes a last command, again until it is acknowledged, also when nobody answers. */
  #proposeLast(group: number, lasts: Map<number, number>): void {
    if (lasts.has(group)) return;
    const again = (): void => this.#proposeLast(group, lasts);
    const node = this.#leaderOf(group);
    const isReady = node?.isRunning === true;
    this.loop.after((isReady ? LAST_CALL_TIMEOUT_MS : POLL_MS) * US_PER_MS, again);
    if (!isReady) return;
    const random = new SeededRandom(this.#options.seed, 5);
    const command = this.#context.simulated.command(random);
    const data = withOperation(this.#nextOperation(), command);
    node.process.after(0, () => {
      const handle = node.host?.group(group);
      handle?.propose(data, { timeoutMs: LAST_CALL_TIMEOUT_MS }).then(
        ({ index }) => lasts.set(group, index),
        () => undefined,
      );
    });
  }

  /** Who leads in the latest term. */
  #leaderOf(group: number): SimNode | undefined {
    let found: { readonly node: SimNode; readonly term: number } | undefined;
    for (const node of this.#nodes.values()) {
      const handle = node.host?.group(group);
      if (handle?.role !== "leader" || node.process.isPaused) continue;
      if (found === undefined || found.term < handle.term) found = { node, term: handle.term };
    }
    return found?.node;
  }

  /** Whether all members that the leader knows have the last command. */
  #isSettled(group: number, last: number | undefined): boolean {
    if (last === undefined) return false;
    const config = this.#leaderOf(group)?.host?.group(group)?.status().config;
    if (config === undefined) return false;
    return [...config.voters, ...config.learners].every((id) => {
      const index = this.#nodes.get(id)?.machines.get(group)?.index ?? 0;
      return index >= last;
    });
  }

  #onGroupEvent(node: SimNode, group: number, event: CoreEvent): void {
    if (event.type === "configuration-changed") {
      const config = node.host?.group(group)?.status().config;
      if ((config?.votersOutgoing.length ?? 0) > 0) this.coverage.hit("joint-config");
    }
    if (event.type !== "became") return;
    const key = `${node.id}/${group}`;
    const was = this.#roles.get(key);
    this.#roles.set(key, event.role);
    if (was === "candidate" && event.role === "follower") this.coverage.hit("candidate-deposed");
    if (event.role !== "leader") return;
    // It may not know yet what is committed.
    this.#clients.get(group)?.[0]?.readAt(node);
    if (this.#transfers.get(group) === node.id) this.coverage.hit("transfer-completed");
    this.#transfers.delete(group);
  }

  #describe(groups: readonly number[]): string {
    const lines: string[] = [];
    for (const group of groups) {
      for (const node of this.#nodes.values()) {
        const status = node.host?.group(group)?.status();
        const what = status === undefined ? "no group" : JSON.stringify(status);
        const applied = node.machines.get(group)?.index;
        const state = node.isDead ? "dead" : `applied ${applied}, ${what}`;
        lines.push(`group ${group}, node ${node.id}: ${state}`);
      }
    }
    return `${lines.join("\n")}${this.#administrator.isReplacing ? "\nreplacing" : ""}`;
  }
}
