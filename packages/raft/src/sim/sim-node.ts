/** A machine of the simulated cluster: a disk, and a process on it that is started again when it ends. */

import type { HostObserver } from "../host/observer.js";
import type { RaftGroup } from "../host/raft-group.js";
import { RaftHost } from "../host/raft-host.js";
import { SeededRandom } from "../testing/seeded-random.js";
import { isRaftWalError } from "../wal/errors.js";
import type { ProcessIdentity } from "../wal/ports.js";
import { RaftWal } from "../wal/raft-wal.js";
import type { CheckedNode } from "./checker.js";
import { LogModel } from "./log-model.js";
import type { SimContext } from "./sim-context.js";
import { LOG_DIRECTORY, SimDisk } from "./sim-disk.js";
import { SimProcess } from "./sim-process.js";
import { SimTransport } from "./sim-transport.js";
import { WatchedLogs } from "./watched-logs.js";
import { MachineWatch } from "./watched-machine.js";

const US_PER_MS = 1000;
/** Until a process that has failed is started again, at most. */
const MAX_RESTART_MS = 150;
/** A process that cannot start tries again so much later. */
const RETRY_MS = 40;
const MAX_LAG_US = 200;
/** By how much a clock runs too fast or too slow: well within what leases allow for. */
const MAX_DRIFT_PERMILLE = 20;

export class SimNode implements CheckedNode {
  readonly id: number;
  readonly model = new LogModel();
  readonly process: SimProcess;
  readonly disk: SimDisk;
  /** State machines by group. */
  readonly machines = new Map<number, MachineWatch>();
  readonly #context: SimContext;
  readonly #random: SeededRandom;
  #host: RaftHost | undefined;
  /** Whether all groups have been opened. */
  #isUp = false;
  #transport: SimTransport | undefined;
  #isRunning = false;
  #isDead = false;
  /** A bit of its disk has flipped since its process last came up. */
  #isRotten = false;
  /** How often each group was removed here: a state machine on disk begins anew in a place of its own. */
  readonly #removals = new Map<number, number>();
  /** Groups whose removal has begun, and has not been seen to end. */
  readonly #beingRemoved = new Set<number>();
  /** Founders know who else is one; others wait to be added. */
  readonly #isFounder: boolean;

  constructor(context: SimContext, id: number, isFounder: boolean) {
    this.#context = context;
    this.id = id;
    this.#isFounder = isFounder;
    const { loop, coverage, settings, seed } = context;
    this.#random = new SeededRandom(seed, 1000 + id);
    const clockRate = 1 + this.#random.between(-MAX_DRIFT_PERMILLE, MAX_DRIFT_PERMILLE) / 1000;
    this.process = new SimProcess(loop, clockRate, () => context.onRun(this));
    this.disk = new SimDisk({
      loop,
      random: new SeededRandom(seed, 2000 + id),
      coverage,
      process: this.process,
      maxSyncUs: settings.maxSyncUs,
      isJittery: settings.isDiskJittery,
    });
  }

  /** The host, once it has come up with all of its groups. */
  get host(): RaftHost | undefined {
    return this.#isUp ? this.#host : undefined;
  }

  handle(group: number): RaftGroup | undefined {
    return this.#host?.group(group);
  }

  /** Whether there is a process, be it still starting. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Its disk is lost: it never comes back. */
  get isDead(): boolean {
    return this.#isDead;
  }

  get isRotten(): boolean {
    return this.#isRotten;
  }

  /** A bit of the log flips while the process is down. @returns whether there is such a bit */
  rot(dice: number, downMs: number): boolean {
    if (this.host === undefined || !this.disk.rot(dice)) return false;
    this.crash(false);
    this.#isRotten = true;
    this.#context.coverage.hit("bit-flipped");
    this.#context.loop.after(downMs * US_PER_MS, () => this.start());
    return true;
  }

  /** Starts a process. */
  start(): void {
    if (this.#isRunning || this.#isDead) return;
    this.#isRunning = true;
    this.disk.restart();
    this.#context.trace.tell(() => `node ${this.id} starts`);
    this.process.after(0, () => {
      const { epoch } = this.process;
      this.#boot(epoch).catch((error: unknown) => {
        if (epoch === this.process.epoch) this.#onBootFailed(error);
      });
    });
  }

  /** Ends the process at once. */
  crash(power: boolean): void {
    if (!this.#isRunning) return;
    this.#context.trace.tell(() => `node ${this.id} ${power ? "loses power" : "is killed"}`);
    this.#isRunning = false;
    this.#host = undefined;
    this.#isUp = false;
    this.process.end();
    this.machines.clear();
    if (this.#transport !== undefined) this.#context.network.detach(this.#transport);
    this.#transport = undefined;
    if (power) this.disk.cutPower();
  }

  /** The disk is lost, too. */
  wipe(): void {
    this.crash(true);
    this.#isDead = true;
  }

  /** The supervisor of the process starts it again, a while after it has failed. */
  restart(): void {
    this.crash(false);
    const delayMs = this.#random.between(1, MAX_RESTART_MS);
    this.#context.loop.after(delayMs * US_PER_MS, () => this.start());
  }

  /** Whether the group was removed here before: this node has forgotten what it had of it. */
  hasForgotten(group: number): boolean {
    return this.#removals.has(group) || this.#beingRemoved.has(group);
  }

  /** Closes a group while the others go on, and opens it again `forMs` later. */
  reopenGroup(group: number, forMs: number): void {
    this.#takeAway(group, forMs, (host) => host.closeGroup(group)).catch(() => undefined);
  }

  /**
   * Removes a group of which this node is no member any more, and opens it again `forMs` later.
   * @param onOver called when it is open again; never when the process dies first
   */
  removeGroup(group: number, forMs: number, onOver: () => void): void {
    const remove = async (host: RaftHost): Promise<void> => {
      this.#beingRemoved.add(group);
      await host.removeGroup(group);
      this.#noteRemoved(group);
    };
    this.#takeAway(group, forMs, remove).then(onOver, () => undefined);
  }

  async #takeAway(
    group: number,
    forMs: number,
    take: (host: RaftHost) => Promise<void>,
  ): Promise<void> {
    const { host } = this;
    const { epoch } = this.process;
    if (host?.group(group) === undefined) return;
    try {
      await take(host);
      this.machines.delete(group);
      await new Promise<void>((resolve) => {
        this.process.after(forMs * US_PER_MS, resolve);
      });
      if (epoch !== this.process.epoch) return;
      await this.#openGroup(host, group);
      this.#context.coverage.hit("group-reopened");
    } catch (error) {
      // It has ended meanwhile, or is about to, and opens all groups when it starts again.
      if (epoch === this.process.epoch && host === this.host) {
        this.#onFailed(`opening group ${group} again`, error);
      }
      throw error;
    }
  }

  #noteRemoved(group: number): void {
    this.#beingRemoved.delete(group);
    this.#removals.set(group, (this.#removals.get(group) ?? 0) + 1);
    this.#context.coverage.hit("group-removed");
  }

  /** The process died while it removed groups: the log says of which it has. */
  #finishRemovals(wal: RaftWal): void {
    for (const group of this.#beingRemoved) {
      if (wal.storage(group).lastIndex() === 0) this.#noteRemoved(group);
    }
    this.#beingRemoved.clear();
  }

  async #openGroup(host: RaftHost, group: number): Promise<void> {
    this.#context.checker.onStart(this, group);
    await host.openGroup(this.#groupInit(group));
  }

  async #boot(epoch: number): Promise<void> {
    const { settings, network, checker } = this.#context;
    const { fileSystem } = this.disk;
    const { clock } = this.process;
    const random = new SeededRandom(this.#random.nextInt(2 ** 32), epoch);
    const processes = {
      self: () => identityOf(epoch),
      isAlive: (holder: ProcessIdentity): "alive" | "dead" => {
        return holder.pid === identityOf(epoch).pid ? "alive" : "dead";
      },
    };
    const observer = { onPoisoned: () => this.#context.coverage.hit("log-poisoned") };
    const ports = { fileSystem, clock, random, processes };
    const wal = await RaftWal.open(LOG_DIRECTORY, ports, { ...settings.wal, observer });
    this.#judgeRecovery(wal);
    this.#finishRemovals(wal);
    const transport = new SimTransport(network, this.id, this.process);
    this.#transport = transport;
    const host = await RaftHost.start(
      {
        nodeId: this.id,
        log: new WatchedLogs(wal, this, checker),
        transport,
        ports: { clock, random, defer: (run) => this.#defer(run) },
        freeBytes: () => Promise.resolve(this.disk.fileSystem.freeBytes),
        snapshots: { fileSystem, directory: "/data/snapshots" },
      },
      { ...settings.host, observer: this.#observer() },
    );
    this.#host = host;
    for (let group = 1; group <= settings.groups; group += 1) await this.#openGroup(host, group);
    this.#isUp = true;
    this.#isRotten = false;
    this.#context.trace.tell(() => `node ${this.id} is up`);
  }

  #groupInit(group: number) {
    const { settings, checker, coverage, simulated } = this.#context;
    const removals = this.#removals.get(group) ?? 0;
    const place = {
      node: this.id,
      group,
      fileSystem: this.disk.fileSystem,
      directory: `/data/state-${group}${removals === 0 ? "" : `-${removals}`}`,
    };
    const delay = settings.isApplySlow ? () => this.#pauseAwhile() : undefined;
    const deps = { checker, coverage, simulated, group, node: this.id, delay };
    const watch = new MachineWatch(deps, simulated.create(place));
    this.machines.set(group, watch);
    const voters = Array.from({ length: settings.founders }, (_, at) => at + 1);
    return {
      group,
      stateMachine: watch.machine(),
      options: { ...settings.group, compaction: settings.compaction },
      ...(this.#isFounder ? { founders: { voters } } : {}),
    };
  }

  /** After a crash the log must be what it was after some batches, none that it has promised missing. */
  #judgeRecovery(wal: RaftWal): void {
    const { checker, coverage, settings } = this.#context;
    if (wal.recovery.tornBytes > 0) coverage.hit("torn-tail-cut");
    const difference = this.model.reopen(wal.groupIds(), (group) => wal.storage(group));
    if (difference !== undefined) {
      checker.report("log-recovery", `node ${this.id}: ${difference}`);
      return;
    }
    for (let group = 1; group <= settings.groups; group += 1) {
      const storage = wal.storage(group);
      const [first, last] = [storage.firstIndex(), storage.lastIndex()];
      if (first > last) continue;
      const end = (last + 1) as typeof last;
      const entries = storage.entries(first, end, Number.POSITIVE_INFINITY);
      const before = (first - 1) as typeof first;
      checker.onReopen(this, group, entries, first === 1 ? undefined : storage.term(before));
    }
  }

  #observer(): HostObserver {
    const { checker, coverage, trace } = this.#context;
    return {
      onGroupEvent: (group, event) => {
        checker.onEvent(this, group, event);
        trace.text(event.type);
        if (event.type === "snapshot-restored") coverage.hit("snapshot-installed");
        if (event.type === "became") {
          trace.tell(() => `node ${this.id}, group ${group}: ${event.role} of term ${event.term}`);
        }
        this.#context.onGroupEvent(this, group, event);
      },
      onCompacted: () => coverage.hit("snapshot-taken"),
      onSpace: (isShort) => isShort && coverage.hit("log-short-of-space"),
      onDiskStall: (isStalled) => isStalled && coverage.hit("disk-stalled"),
      onStall: () => coverage.hit("process-stalled"),
      onLogFailed: (error) => this.#onFailed("the log", error),
      onGroupFailed: (group, error) => this.#onFailed(`group ${group}`, error),
    };
  }

  /** Only a disk that failed is an excuse; then the process ends, and a new one is started. */
  #onFailed(what: string, error: unknown): void {
    const { checker, trace } = this.#context;
    const words = wordsOf(error);
    trace.tell(() => `node ${this.id}: ${what} has failed: ${words}`);
    if (!this.disk.hasFailed) {
      checker.report("no-failure", `node ${this.id}: ${what} has failed: ${words}`);
    }
    const { epoch } = this.process;
    this.process.after(0, () => {
      if (epoch === this.process.epoch) this.restart();
    });
  }

  #onBootFailed(error: unknown): void {
    const { checker, coverage, trace, loop } = this.#context;
    const words = wordsOf(error);
    trace.tell(() => `node ${this.id} cannot start: ${words}`);
    const isDamage = isRaftWalError(error) && error.code === "RAFT_WAL_DAMAGED";
    if (isDamage && this.#isRotten) {
      this.#isRotten = false;
      coverage.hit("bit-flip-found");
      this.#context.onDamaged(this);
      return;
    }
    if (!this.disk.hasFailed || isDamage) {
      checker.report("no-failure", `node ${this.id} cannot start: ${words}`);
    }
    this.crash(false);
    loop.after(RETRY_MS * US_PER_MS, () => this.start());
  }

  #defer(run: () => void): void {
    this.process.after(this.#random.nextInt(MAX_LAG_US), run);
  }

  #pauseAwhile(): Promise<void> {
    return new Promise((resolve) => {
      this.process.after(this.#random.nextInt(5 * US_PER_MS), resolve);
    });
  }
}

function identityOf(pid: number): ProcessIdentity {
  return { pid: pid + 1, host: "simulated", startToken: String(pid) };
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  const cause = error.cause === undefined ? "" : ` (${wordsOf(error.cause)})`;
  return `${typeof code === "string" ? `${code}: ` : ""}${error.message}${cause}`;
}
