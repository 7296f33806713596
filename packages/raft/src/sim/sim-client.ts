/**
 * A client of one group: one call after another, each of which may fail in every way. Commands without a
 * session are never tried again; those of a session are, until their outcome is known.
 */

import type { RaftGroup } from "../host/raft-group.js";
import { SeededRandom } from "../testing/seeded-random.js";
import type { SimContext } from "./sim-context.js";
import type { SimNode } from "./sim-node.js";
import { withOperation } from "./watched-machine.js";

const US_PER_MS = 1000;
const CALL_TIMEOUT_MS = 250;
/** After this a client counts a call as lost: the process that it called is gone, or stands still. */
const PATIENCE_MS = 400;
const MAX_ATTEMPTS = 8;
/** Codes that leave nothing to try again for. */
const ENDS_SESSION = new Set(["RAFT_HOST_SESSION_EXPIRED", "RAFT_HOST_SESSION_FULL"]);

/** A request of a session that is tried until its outcome is known. */
interface Request {
  readonly operation: number;
  readonly command: Uint8Array;
  readonly number: number;
  readonly floor: number;
  attempts: number;
}

type Outcome =
  | { readonly kind: "answered"; readonly value: unknown }
  | { readonly kind: "failed"; readonly code: string; readonly outcome: string }
  | { readonly kind: "lost" };

export class SimClient {
  readonly #context: SimContext;
  readonly #group: number;
  readonly #random: SeededRandom;
  readonly #nextOperation: () => number;
  #session: number | undefined;
  #requests = 0;
  #request: Request | undefined;
  #leader: number | undefined;
  #isStopped = false;

  constructor(context: SimContext, group: number, number: number, nextOperation: () => number) {
    this.#context = context;
    this.#group = group;
    this.#nextOperation = nextOperation;
    this.#random = new SeededRandom(context.seed, 3000 + group * 16 + number);
  }

  start(): void {
    this.#later();
  }

  stop(): void {
    this.#isStopped = true;
  }

  #later(): void {
    const { loop, settings } = this.#context;
    if (this.#isStopped) return;
    loop.after(this.#random.between(1, settings.thinkMs * US_PER_MS), () => this.#next());
  }

  #next(): void {
    if (this.#isStopped) return;
    if (this.#request !== undefined) {
      this.#tryRequest(this.#request);
      return;
    }
    const choice = this.#random.nextInt(10);
    if (choice < 3) this.#read(this.#anyNode());
    else if (choice < 6) this.#propose();
    else this.#beginRequest();
  }

  // ── reads ────────────────────────────────────────────────────────────────

  /** Reads at a node, at once, beside what the client does otherwise. */
  readAt(node: SimNode): void {
    if (!this.#isStopped) this.#read(node, () => undefined);
  }

  #read(node: SimNode | undefined, next = () => this.#later()): void {
    const { checker, coverage, loop, settings } = this.#context;
    const facts = checker.facts(this.#group);
    const floor = facts.floor;
    const since = loop.nowMs;
    const retryMs = settings.host.electionTicks * settings.host.tickMs;
    const call = async (group: RaftGroup): Promise<unknown> => {
      // The one that was read from, also when the group has been closed since.
      const machine = node?.machines.get(this.#group);
      await group.readIndex({ timeoutMs: CALL_TIMEOUT_MS });
      return machine?.index;
    };
    this.#call(node, call, (outcome) => {
      if (outcome.kind === "failed") coverage.hit("read-refused");
      if (outcome.kind === "answered") {
        const seen = outcome.value as number;
        coverage.hit("read-answered");
        if (loop.nowMs - since > retryMs) coverage.hit("read-retried");
        if (seen < floor) {
          const message = `group ${this.#group}: a read at node ${node?.id} sees ${seen}, not ${floor}`;
          checker.report("linearizable-reads", message);
        }
        facts.floor = Math.max(facts.floor, seen);
      }
      next();
    });
  }

  /** After a write, whoever else believes to lead is asked for it: there lies what is stale. */
  #readAtRival(): void {
    const leaders = [...this.#context.nodes.values()].filter((node) => {
      return node.handle(this.#group)?.role === "leader";
    });
    if (leaders.length > 1) for (const node of leaders) this.readAt(node);
  }

  // ── commands without a session ───────────────────────────────────────────

  #propose(): void {
    const operation = this.#nextOperation();
    const { floor } = this.#context.checker.facts(this.#group);
    const data = withOperation(operation, this.#context.simulated.command(this.#random));
    const call = (group: RaftGroup): Promise<unknown> => {
      return group.propose(data, { timeoutMs: CALL_TIMEOUT_MS });
    };
    this.#call(this.#likelyLeader(), call, (outcome) => {
      this.#settle(operation, floor, outcome, true);
      this.#later();
    });
  }

  // ── commands of a session ────────────────────────────────────────────────

  #beginRequest(): void {
    if (this.#session === undefined) {
      this.#openSession();
      return;
    }
    this.#requests += 1;
    const operation = this.#nextOperation();
    const data = withOperation(operation, this.#context.simulated.command(this.#random));
    const { floor } = this.#context.checker.facts(this.#group);
    this.#request = { operation, command: data, number: this.#requests, floor, attempts: 0 };
    this.#tryRequest(this.#request);
  }

  #openSession(): void {
    const call = (group: RaftGroup): Promise<unknown> => {
      return group.openSession({ timeoutMs: CALL_TIMEOUT_MS });
    };
    this.#call(this.#likelyLeader(), call, (outcome) => {
      if (outcome.kind === "answered") {
        this.#context.coverage.hit("session-opened");
        this.#session = outcome.value as number;
        this.#requests = 0;
      }
      this.#later();
    });
  }

  #tryRequest(request: Request): void {
    const client = this.#session;
    if (client === undefined) return;
    const { coverage } = this.#context;
    request.attempts += 1;
    if (request.attempts > 1) coverage.hit("session-retried");
    const answeredThrough = Math.max(0, request.number - 1 - this.#random.nextInt(3));
    const session = { client, request: request.number, answeredThrough };
    const call = (group: RaftGroup): Promise<unknown> => {
      return group.propose(request.command, { session, timeoutMs: CALL_TIMEOUT_MS });
    };
    this.#call(this.#likelyLeader(), call, (outcome) => {
      this.#settle(request.operation, request.floor, outcome, false);
      const isOver = outcome.kind === "answered" || request.attempts >= MAX_ATTEMPTS;
      const isEnded = outcome.kind === "failed" && ENDS_SESSION.has(outcome.code);
      const isLost = outcome.kind === "failed" && outcome.code === "RAFT_HOST_ANSWER_LOST";
      // A request that was given up is never tried again, and so its session is of no use any more.
      if (isEnded || (isOver && outcome.kind !== "answered")) this.#session = undefined;
      if (isOver || isEnded || isLost) this.#request = undefined;
      this.#later();
    });
  }

  // ── outcomes ─────────────────────────────────────────────────────────────

  #settle(operation: number, floor: number, outcome: Outcome, isOnly: boolean): void {
    const { checker, coverage } = this.#context;
    const facts = checker.facts(this.#group);
    const appliedAt = facts.operations.get(operation);
    if (outcome.kind === "answered") {
      const { index, result } = outcome.value as { index: number; result: Uint8Array };
      if (appliedAt === undefined) {
        const message = `group ${this.#group}: operation ${operation} was acknowledged, not applied`;
        checker.report("acknowledged-durable", message);
        return;
      }
      if (appliedAt !== index) coverage.hit("session-answered-again");
      const answer = facts.states.get(appliedAt)?.result;
      if (answer !== undefined && answer !== Buffer.from(result).toString("hex")) {
        checker.report("exactly-once", `group ${this.#group}: another answer than at ${appliedAt}`);
      }
      if (appliedAt <= floor) {
        const message = `group ${this.#group}: operation ${operation} began after ${floor}, and is at ${appliedAt}`;
        checker.report("linearizable-reads", message);
      }
      facts.floor = Math.max(facts.floor, appliedAt);
      this.#readAtRival();
      return;
    }
    if (outcome.kind === "lost") {
      coverage.hit("proposal-unknown");
      return;
    }
    if (outcome.code === "RAFT_HOST_SUPERSEDED") coverage.hit("proposal-superseded");
    if (outcome.outcome === "unknown") coverage.hit("proposal-unknown");
    if (outcome.outcome !== "not-applied") return;
    coverage.hit("proposal-refused");
    if (!isOnly) return;
    facts.refused.add(operation);
    if (appliedAt === undefined) return;
    const message = `group ${this.#group}: operation ${operation} was refused, and is at ${appliedAt}`;
    checker.report("refused-not-applied", message);
  }

  /** Calls at `node`, and hears one outcome, whatever becomes of it. */
  #call(
    node: SimNode | undefined,
    call: (group: RaftGroup) => Promise<unknown>,
    settle: (outcome: Outcome) => void,
  ): void {
    const { loop } = this.#context;
    let isSettled = false;
    const once = (outcome: Outcome): void => {
      if (isSettled) return;
      isSettled = true;
      if (outcome.kind === "failed") this.#learnLeader(outcome.code);
      settle(outcome);
    };
    if (node?.isRunning !== true) {
      once({ kind: "failed", code: "NO_PROCESS", outcome: "not-applied" });
      return;
    }
    loop.after(PATIENCE_MS * US_PER_MS, () => once({ kind: "lost" }));
    node.process.after(0, () => {
      const group = node.host?.group(this.#group);
      if (group === undefined) {
        once({ kind: "failed", code: "NO_GROUP", outcome: "not-applied" });
        return;
      }
      call(group).then(
        (value: unknown) => once({ kind: "answered", value }),
        (error: { readonly code?: string; readonly outcome?: string }) => {
          this.#leader = group.leader;
          once({ kind: "failed", code: error.code ?? "", outcome: error.outcome ?? "unknown" });
        },
      );
    });
  }

  #learnLeader(code: string): void {
    if (code === "NO_PROCESS" || code === "NO_GROUP") this.#leader = undefined;
  }

  #likelyLeader(): SimNode | undefined {
    const known = this.#leader === undefined ? undefined : this.#context.nodes.get(this.#leader);
    if (known === undefined || this.#random.isChance(10)) {
      const any = this.#anyNode();
      this.#leader = any?.id;
      return any;
    }
    return known;
  }

  #anyNode(): SimNode | undefined {
    const running = [...this.#context.nodes.values()].filter(({ isRunning }) => isRunning);
    return running.length === 0 ? undefined : this.#random.pick(running);
  }
}
