/** Makes a schedule of faults happen. */

import { isRaftError } from "../core/errors.js";
import { isRaftHostError } from "../host/errors.js";
import type { RaftGroup } from "../host/raft-group.js";
import { isRaftWalError } from "../wal/errors.js";
import type { Administrator } from "./administrator.js";
import type { Fault, FaultSchedule } from "./fault-schedule.js";
import type { SimContext } from "./sim-context.js";
import { FAIR } from "./sim-network.js";
import type { SimNode } from "./sim-node.js";

const US_PER_MS = 1000;

export class FaultInjector {
  readonly #context: SimContext;
  readonly #administrator: Administrator;

  constructor(context: SimContext, administrator: Administrator) {
    this.#context = context;
    this.#administrator = administrator;
  }

  begin(schedule: FaultSchedule): void {
    const { loop, trace } = this.#context;
    for (const { atMs, fault } of schedule) {
      loop.after(atMs * US_PER_MS, () => {
        trace.text(fault.kind);
        trace.tell(() => `fault: ${JSON.stringify(fault)}`);
        this.#inject(fault);
      });
    }
  }

  /** All faults are over; what has stopped is started again. */
  end(): void {
    const { network, nodes } = this.#context;
    network.heal();
    for (const node of nodes.values()) {
      node.disk.heal();
      node.process.resume();
      node.start();
    }
  }

  #inject(fault: Fault): void {
    const { network, coverage } = this.#context;
    switch (fault.kind) {
      case "crash-all":
        coverage.hit("all-crashed");
        for (const node of this.#context.nodes.values()) this.#crash(node, fault);
        return;
      case "split":
        this.#split(fault.side, fault.forMs);
        return;
      case "weather":
        network.weather = fault;
        this.#later(fault.forMs, () => {
          if (network.weather === fault) network.weather = FAIR;
        });
        return;
      case "break-streams":
        network.breaksStreams = true;
        this.#later(fault.forMs, () => {
          network.breaksStreams = false;
        });
        return;
      case "transfer":
        this.#transfer(fault.group, fault.to);
        return;
      case "change-members":
        this.#administrator.changeMembers(fault.group, fault.dice);
        return;
      case "remove-group":
        this.#administrator.removeGroup(fault);
        return;
      case "crash":
      case "pause":
      case "suspend":
      case "isolate":
      case "cut":
      case "slow-disk":
      case "hang-disk":
      case "disk-error":
      case "full-disk":
      case "jump-clock":
      case "campaign":
      case "reopen-group":
      case "rot":
      case "wipe": {
        const node = this.#find(fault.on);
        if (node !== undefined && !node.isDead) this.#injectAt(node, fault);
      }
    }
  }

  #injectAt(node: SimNode, fault: Extract<Fault, { readonly on: number }>): void {
    const { coverage } = this.#context;
    switch (fault.kind) {
      case "crash":
        this.#crash(node, fault);
        return;
      case "pause":
      case "suspend":
        node.process.pause(fault.kind === "suspend");
        this.#later(fault.forMs, () => node.process.resume());
        return;
      case "isolate":
        for (const other of this.#context.nodes.keys()) this.#cut(node.id, other, fault.forMs);
        return;
      case "cut":
        if (fault.to === node.id) return;
        coverage.hit("one-way-cut");
        this.#context.network.cut(node.id, fault.to, true);
        this.#later(fault.forMs, () => this.#context.network.mend(node.id, fault.to, true));
        return;
      case "slow-disk":
        node.disk.slowDown(fault.syncMs, fault.forMs);
        return;
      case "hang-disk":
        node.disk.hang(fault.forMs);
        return;
      case "disk-error":
        node.disk.plant({ operation: fault.operation, code: fault.code });
        return;
      case "full-disk":
        node.disk.fill(fault.room);
        this.#later(fault.forMs, () => node.disk.makeRoom());
        return;
      case "jump-clock":
        coverage.hit("clock-jumped");
        node.process.wallOffsetMs += fault.byMs;
        return;
      case "campaign":
        this.#callAt(node, fault.group, (handle) => handle.campaign());
        return;
      case "reopen-group":
        node.process.after(0, () => node.reopenGroup(fault.group, fault.forMs));
        return;
      case "rot":
        this.#administrator.rot(node, fault);
        return;
      case "wipe":
        this.#administrator.wipe(node);
        return;
    }
  }

  #crash(node: SimNode, fault: { readonly power: boolean; readonly forMs: number }): void {
    if (!node.isRunning) return;
    node.crash(fault.power);
    this.#later(fault.forMs, () => node.start());
  }

  #split(side: number, forMs: number): void {
    const ids = [...this.#context.nodes.keys()];
    const isIn = (id: number): boolean => (side & (1 << (id - 1))) !== 0;
    for (const a of ids) {
      for (const b of ids) if (isIn(a) && !isIn(b)) this.#cut(a, b, forMs);
    }
  }

  #cut(a: number, b: number, forMs: number): void {
    if (a === b) return;
    const { network } = this.#context;
    network.cut(a, b);
    network.cut(b, a);
    this.#later(forMs, () => {
      network.mend(a, b);
      network.mend(b, a);
    });
  }

  #transfer(group: number, to: number): void {
    const leader = this.#find(-group);
    if (leader === undefined || leader.id === to) return;
    this.#context.onTransfer(group, to);
    this.#callAt(leader, group, (handle) => handle.transferLeadership(to));
  }

  /** Calls at a node, which may refuse: its group or its log may have failed, or it knows no leader. */
  #callAt(node: SimNode, group: number, call: (handle: RaftGroup) => void): void {
    node.process.after(0, () => {
      const handle = node.host?.group(group);
      if (handle === undefined) return;
      try {
        call(handle);
      } catch (error) {
        const isRefusal = isRaftHostError(error) || isRaftError(error) || isRaftWalError(error);
        if (!isRefusal) throw error;
      }
    });
  }

  /** Whom a fault strikes. */
  #find(target: number): SimNode | undefined {
    const { nodes } = this.#context;
    if (target > 0) return nodes.get(target);
    for (const node of nodes.values()) {
      if (node.host?.group(-target)?.role === "leader") return node;
    }
    return undefined;
  }

  #later(forMs: number, run: () => void): void {
    this.#context.loop.after(forMs * US_PER_MS, run);
  }
}
