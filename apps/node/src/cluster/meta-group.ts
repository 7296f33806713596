/**
 * Changes of the cluster map from any node: here if this node leads the meta group, else once at the leader. A call
 * that certainly changed nothing is repeated within its time; one whose outcome is not known is not.
 */
import type { Clock, Random } from "@titan/bitcask";
import type { RaftGroup } from "@titan/raft";
import { z } from "zod";
import { KvError, type KvErrorCode } from "../kv/kv-error.js";
import type { PeerCalls } from "../peer/peer-calls.js";
import { notLeader, toShardError } from "../shard/raft-failure.js";
import type { CallLimits } from "../shard/shard-replica.js";
import type { MapCommand, MapResult } from "./map-command.js";
import { decodeMapCommand, encodeMapCommand } from "./map-schema.js";
import type { MapView } from "./map-source.js";
import type { MetaMachine } from "./meta-machine.js";

export interface MetaGroupDeps {
  readonly group: RaftGroup;
  readonly machine: Pick<MetaMachine, "map">;
  readonly map: MapView;
  readonly calls: PeerCalls;
  readonly self: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** What came of a change; the map of that epoch holds it, and this node has it. */
export interface MapDone {
  readonly epoch: number;
  readonly number: number | undefined;
}

const RETRY_MS = { least: 25, spread: 75 };
/** Codes that say: elsewhere, or later. */
const PASSING: ReadonlySet<KvErrorCode> = new Set<KvErrorCode>([
  ...(["NOT_LEADER", "NO_LEADER", "PEER_UNREACHABLE", "NOT_SERVING", "OVERLOADED"] as const),
]);

const resultSchema = z.union([
  z.object({ type: z.literal("done"), epoch: z.int(), number: z.int().optional() }),
  z.object({
    type: z.literal("refused"),
    code: z.string().transform((code) => code as KvErrorCode),
    message: z.string(),
    metadata: z.record(z.string(), z.string()),
  }),
]) satisfies z.ZodType<MapResult>;

export class MetaGroup {
  readonly #deps: MetaGroupDeps;

  constructor(deps: MetaGroupDeps) {
    this.#deps = deps;
  }

  /** Whether this node leads: only the leader works on the map unasked. */
  get isLeader(): boolean {
    return this.#deps.group.role === "leader";
  }

  /** Whether this node has applied the first map, or a later one: until then it knows the map by hearsay. */
  get isFounded(): boolean {
    return this.#deps.machine.map !== undefined;
  }

  /** Number of the node that leads, as far as this one knows. */
  get leader(): number | undefined {
    return this.#deps.group.leader;
  }

  /**
   * Changes the map. Resolves when this node has the map that holds the change.
   * @throws KvError as the command was refused, or `NO_LEADER`, `TIMED_OUT`, `PEER_UNREACHABLE`, … with an outcome
   */
  async change(command: MapCommand, limits: CallLimits): Promise<MapDone> {
    const { clock, map } = this.#deps;
    const endMs = clock.monotonicMs() + limits.timeoutMs;
    const body = encodeMapCommand(command);
    const { epoch, number } = await this.#done(body, endMs, limits.signal);
    const timeout = deadline(clock, endMs);
    try {
      await map.atLeast(epoch, timeout.signal);
    } catch {
      // It is done, and this node will hear of it.
    } finally {
      timeout.cancel();
    }
    return { epoch, number };
  }

  /** A peer's change. What is no command must not get into the log, where it would stop all members. */
  async serve(command: Uint8Array, limits: CallLimits): Promise<Uint8Array> {
    try {
      decodeMapCommand(command);
    } catch (error) {
      const message = "not a change of the cluster map that this version knows";
      throw new KvError({ code: "FIELD_INVALID", message }, { cause: error });
    }
    return this.#proposeHere(command, limits);
  }

  /** Resolves when this node's map holds all that was changed anywhere before the call. @throws KvError */
  async refresh(limits: CallLimits): Promise<void> {
    try {
      await this.#deps.group.readIndex({ timeoutMs: limits.timeoutMs });
    } catch (error) {
      throw ofMap(toShardError(error, this.leader));
    }
  }

  /** Repeats a command that came before the first map. */
  async #done(body: Uint8Array, endMs: number, signal: AbortSignal | undefined) {
    for (;;) {
      const answer = await this.#propose(body, endMs, signal);
      const result = resultSchema.parse(JSON.parse(answer));
      if (result.type === "done") return result;
      const { code, message, metadata } = result;
      const isPassing = PASSING.has(code) && this.#deps.clock.monotonicMs() < endMs;
      if (!isPassing || signal?.aborted === true) throw new KvError({ code, message, metadata });
      await this.#pause();
    }
  }

  async #propose(body: Uint8Array, endMs: number, signal: AbortSignal | undefined) {
    const { clock, calls, self } = this.#deps;
    let hint: number | undefined;
    for (;;) {
      const timeoutMs = endMs - clock.monotonicMs();
      const limits = { timeoutMs: Math.max(1, timeoutMs), ...(signal && { signal }) };
      const to = this.isLeader ? self : (hint ?? this.leader);
      try {
        if (to === undefined) throw ofMap(notLeader(undefined));
        const answer =
          to === self
            ? await this.#proposeHere(body, limits)
            : await calls.call(to, "meta", body, limits);
        return Buffer.from(answer).toString("utf8");
      } catch (error) {
        if (!(error instanceof KvError) || !PASSING.has(error.code)) throw error;
        const isLate = clock.monotonicMs() + RETRY_MS.least >= endMs;
        if (error.outcome !== "not-applied" || isLate || signal?.aborted === true) throw error;
        const named = Number(error.metadata["leader"] ?? "");
        // Somebody's word is good for one try: then our own group knows better.
        hint = error.code === "NOT_LEADER" && named > 0 && named !== hint ? named : undefined;
      }
      await this.#pause();
    }
  }

  async #proposeHere(command: Uint8Array, { timeoutMs }: CallLimits): Promise<Uint8Array> {
    const { group } = this.#deps;
    if (!this.isLeader) throw ofMap(notLeader(this.leader));
    try {
      // Small, and what helps when space is short: moving replicas away.
      const { result } = await group.propose(command, { timeoutMs, freesSpace: true });
      return result;
    } catch (error) {
      throw ofMap(toShardError(error, this.leader));
    }
  }

  #pause(): Promise<void> {
    const { clock, random } = this.#deps;
    const delayMs = RETRY_MS.least + random.nextInt(RETRY_MS.spread);
    return new Promise((resolve) => {
      clock.schedule(delayMs, resolve);
    });
  }
}

/** The same, in words about the map and not about a shard. */
function ofMap(error: unknown): unknown {
  if (!(error instanceof KvError)) return error;
  const { code, outcome, metadata } = error;
  const message = `the cluster map could not be changed or read: ${error.message.replaceAll("the shard", "its group")}`;
  return new KvError({ code, message, outcome, metadata }, { cause: error });
}

function deadline(clock: Clock, endMs: number) {
  const controller = new AbortController();
  const leftMs = Math.max(1, endMs - clock.monotonicMs());
  const cancel = clock.schedule(leftMs, () => controller.abort());
  return { signal: controller.signal, cancel };
}
