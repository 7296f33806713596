/**
 * Changes who is in the groups: at random, or by the documented procedure when a node has lost its disk,
 * which is to remove it and to add another, with an id that was never used.
 */

import type { MemberChange } from "../core/config-change.js";
import type { ConfigState } from "../core/configuration.js";
import { type NodeId, toNodeId } from "../core/ids.js";
import type { RaftGroup } from "../host/raft-group.js";
import type { Fault } from "./fault-schedule.js";
import type { SimContext } from "./sim-context.js";
import type { SimNode } from "./sim-node.js";

const US_PER_MS = 1000;
const PERIOD_MS = 60;
const CALL_TIMEOUT_MS = 300;
/** Within so much a group is removed, or stays. */
const LEAVE_MS = 1000;
/** A group of so many goes on when one of them is lost. */
const LEAST_TO_LOSE_ONE = 3;

/** A dead node, and who takes its place. */
interface Replacement {
  readonly dead: NodeId;
  readonly fresh: NodeId;
}

export class Administrator {
  readonly #context: SimContext;
  readonly #addNode: () => SimNode;
  #replacement: Replacement | undefined;
  /** Groups in which a change is under way. */
  readonly #busy = new Map<number, symbol>();
  /** Whom nobody may add to a group, as the group is being removed there; `group/node`. */
  readonly #leaving = new Set<string>();

  /** @param addNode adds a node that is in no group, and starts it */
  constructor(context: SimContext, addNode: () => SimNode) {
    this.#context = context;
    this.#addNode = addNode;
  }

  get isReplacing(): boolean {
    return this.#replacement !== undefined;
  }

  start(): void {
    this.#context.loop.after(PERIOD_MS * US_PER_MS, () => {
      this.#goOn();
      this.start();
    });
  }

  /** A change of members, by chance. */
  changeMembers(group: number, dice: number): void {
    const leader = this.#leaderOf(group);
    const config = leader?.handle.status().config;
    if (leader === undefined || config === undefined) return;
    const changes = this.#drawChanges(group, config, dice);
    if (changes.length === 0) return;
    const { coverage, trace } = this.#context;
    trace.tell(() => `group ${group}: change members by ${JSON.stringify(changes)}`);
    this.#propose(leader, changes, () => {
      const isPromotion = changes.some(({ operation, node }) => {
        return operation === "add-voter" && config.learners.some((learner) => learner === node);
      });
      if (isPromotion) coverage.hit("learner-promoted");
      const self = toNodeId(leader.node.id);
      if (changes.some(({ node }) => node === self)) coverage.hit("leader-removed");
    });
  }

  /**
   * Takes a member out, and its group off its host, which then waits to be added again. Nobody may add it
   * before the group is gone: as a member it would forget what it acknowledged.
   */
  removeGroup({ group, dice, forMs }: Extract<Fault, { kind: "remove-group" }>): void {
    const { settings, trace, nodes, loop } = this.#context;
    const leader = this.#leaderOf(group);
    const config = leader?.handle.status().config;
    if (leader === undefined || config === undefined) return;
    const members = [...config.voters, ...config.learners];
    const id = members[dice % members.length];
    const node = id === undefined ? undefined : nodes.get(id);
    if (id === undefined || node === undefined || node === leader.node) return;
    if (config.voters.includes(id) && config.voters.length <= settings.leastVoters) return;
    const key = `${group}/${id}`;
    const isOver = (): void => {
      this.#leaving.delete(key);
    };
    trace.tell(() => `group ${group}: remove node ${id}, and the group from it`);
    const remove = (): void => {
      node.process.after(0, () => {
        if (this.#leaving.has(key)) node.removeGroup(group, forMs, isOver);
      });
    };
    const isProposed = this.#propose(leader, [{ operation: "remove", node: id }], remove);
    if (!isProposed) return;
    this.#leaving.add(key);
    loop.after(LEAVE_MS * US_PER_MS, isOver);
  }

  /** A bit of the node's log flips, if the groups can bear to lose its disk when that is found. */
  rot(node: SimNode, { dice, forMs }: Extract<Fault, { kind: "rot" }>): void {
    if (this.#canLose(node)) node.rot(dice, forMs);
  }

  /** The node loses its disk, if the groups can bear it. */
  wipe(node: SimNode): void {
    if (!this.#canLose(node)) return;
    this.#context.trace.tell(() => `node ${node.id} loses its disk`);
    node.wipe();
    const fresh = this.#addNode();
    this.#replacement = { dead: toNodeId(node.id), fresh: toNodeId(fresh.id) };
  }

  #canLose(node: SimNode): boolean {
    const { settings, nodes } = this.#context;
    const isRotten = [...nodes.values()].some((one) => one.isRotten);
    const isWhole = this.#replacement === undefined && !isRotten && !node.isDead;
    return isWhole && settings.founders >= LEAST_TO_LOSE_ONE;
  }

  /** One step of the procedure, in each group. */
  #goOn(): void {
    const replacement = this.#replacement;
    if (replacement === undefined) return;
    const { settings, coverage } = this.#context;
    let isDone = true;
    for (let group = 1; group <= settings.groups; group += 1) {
      if (this.#isReplaced(group, replacement)) continue;
      isDone = false;
      this.#replaceIn(group, replacement);
    }
    if (!isDone) return;
    coverage.hit("member-replaced");
    this.#replacement = undefined;
  }

  /** Whether every member that there is knows of the replacement. */
  #isReplaced(group: number, { dead, fresh }: Replacement): boolean {
    const members = [...this.#context.nodes.values()].filter(({ isDead }) => !isDead);
    return members.every((node) => {
      const config = node.host?.group(group)?.status().config;
      if (config === undefined) return false;
      const all = [...config.voters, ...config.votersOutgoing, ...config.learners];
      return !all.includes(dead) && config.voters.includes(fresh);
    });
  }

  #replaceIn(group: number, { dead, fresh }: Replacement): void {
    const leader = this.#leaderOf(group);
    if (leader === undefined) return;
    const { voters, learners } = leader.handle.status().config;
    if (voters.includes(dead) || learners.includes(dead)) {
      const changes: MemberChange[] = [{ operation: "remove", node: dead }];
      if (!learners.includes(fresh)) changes.push({ operation: "add-learner", node: fresh });
      this.#propose(leader, changes);
    } else if (!voters.includes(fresh)) {
      const operation = learners.includes(fresh) ? "add-voter" : "add-learner";
      this.#propose(leader, [{ operation, node: fresh }]);
    }
  }

  #drawChanges(group: number, config: ConfigState, dice: number): MemberChange[] {
    const { settings, nodes } = this.#context;
    const count = settings.founders + settings.spares;
    const { voters, learners } = config;
    const changes: MemberChange[] = [];
    let left = dice;
    const draw = (bound: number): number => {
      const drawn = left % bound;
      left = Math.floor(left / bound);
      return drawn;
    };
    let votersLeft = voters.length;
    for (let number = draw(3) === 0 ? 2 : 1; number > 0; number -= 1) {
      const node = toNodeId(1 + draw(count));
      if (changes.some((change) => change.node === node)) continue;
      if (voters.includes(node)) {
        if (votersLeft <= settings.leastVoters) continue;
        votersLeft -= 1;
        changes.push({ operation: draw(2) === 0 ? "remove" : "add-learner", node });
      } else if (!this.#leaving.has(`${group}/${node}`)) {
        const isHasty = draw(4) === 0;
        // As `removeGroup` asks: one that has forgotten the group votes for nobody until a leader has told it more.
        const isReady =
          learners.includes(node) || (isHasty && !nodes.get(node)?.hasForgotten(group));
        changes.push({ operation: isReady ? "add-voter" : "add-learner", node });
      }
    }
    return changes;
  }

  #propose(
    leader: { readonly node: SimNode; readonly handle: RaftGroup },
    changes: readonly MemberChange[],
    onApplied: () => void = () => undefined,
  ): boolean {
    const { loop } = this.#context;
    const { node, handle } = leader;
    if (this.#busy.has(handle.id)) return false;
    const token = Symbol("change");
    this.#busy.set(handle.id, token);
    const isOurs = (): boolean => this.#busy.get(handle.id) === token;
    const free = (): void => {
      if (isOurs()) this.#busy.delete(handle.id);
    };
    // Also when the process dies, and nobody answers.
    loop.after(2 * CALL_TIMEOUT_MS * US_PER_MS, free);
    node.process.after(0, () => {
      // It stood still for too long: others may have been asked meanwhile.
      if (!isOurs()) return;
      const call = handle.changeConfig(
        { transition: "auto", changes },
        { timeoutMs: CALL_TIMEOUT_MS },
      );
      call.then(onApplied, () => undefined).then(free, free);
    });
    return true;
  }

  /** Who leads in the latest term. */
  #leaderOf(group: number) {
    let found: { readonly node: SimNode; readonly handle: RaftGroup } | undefined;
    for (const node of this.#context.nodes.values()) {
      const handle = node.host?.group(group);
      if (handle?.role !== "leader" || node.process.isPaused) continue;
      if (found === undefined || found.handle.term < handle.term) found = { node, handle };
    }
    return found;
  }
}
