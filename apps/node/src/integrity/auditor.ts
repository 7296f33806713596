/**
 * Compares the replicas of the shards that this node leads, in the background, one shard at a time: all work out a
 * digest of their state as of the same command, and the leader compares. A replica that differs from the majority
 * is named loudly and taken out of its group; the balancer then gives the shard another one, by snapshot from the
 * majority. Where no majority agrees, nothing is changed: a person has to look.
 */
import type { Clock } from "@titan/bitcask";
import { z } from "zod";
import type { MapCommand } from "../cluster/map-command.js";
import type { MapView } from "../cluster/map-source.js";
import type { DivergentReplica } from "../cluster/node-report.js";
import { KvError } from "../kv/kv-error.js";
import type { Logger } from "../logger.js";
import type { PeerCalls } from "../peer/peer-calls.js";
import { encodeCommand } from "../shard/command-codec.js";
import type { OpenShardReplica } from "../shard/open-shard-replica.js";
import { decodeResult } from "../shard/result-codec.js";
import type { CallLimits } from "../shard/shard-replica.js";
import { compareDigests, type Verdict } from "./compare-digests.js";

export interface AuditorDeps {
  readonly self: number;
  readonly map: MapView;
  readonly meta: { change(command: MapCommand, limits: CallLimits): Promise<unknown> };
  readonly replicas: {
    replica(shard: number): OpenShardReplica | undefined;
    replicas(): readonly OpenShardReplica[];
  };
  readonly calls: PeerCalls;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface AuditorOptions {
  /** Milliseconds from one shard to the next. 0: never. */
  readonly everyMs: number;
}

/** Reading a large shard takes its time. */
const LIMITS: CallLimits = { timeoutMs: 10 * 60_000 };
const CHANGE: CallLimits = { timeoutMs: 5_000 };

const askSchema = z.object({ shard: z.int().min(0), index: z.int().min(1) });
const answerSchema = z.object({ sha256: z.string().optional() });

/** See the head of this file. */
export class Auditor {
  readonly #deps: AuditorDeps;
  readonly #options: AuditorOptions;
  readonly #divergent = new Map<number, readonly number[]>();
  readonly #stopped = new AbortController();
  /** Shard that was looked at last. */
  #last = -1;
  #cancel: () => void = () => undefined;
  #turn: Promise<unknown> | undefined;

  constructor(deps: AuditorDeps, options: AuditorOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  start(): void {
    const { everyMs } = this.#options;
    if (everyMs === 0 || this.#stopped.signal.aborted) return;
    this.#cancel = this.#deps.clock.schedule(everyMs, () => {
      this.#turn = this.#auditNext()
        .catch((error: unknown) => {
          this.#deps.logger.warn({ error }, "audit: a shard could not be compared");
        })
        .then(() => this.start());
    });
  }

  /** Resolves when nothing is under way. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped.abort(new KvError({ code: "NOT_SERVING", message: "the node is stopping" }));
    this.#cancel();
    await this.#turn;
  }

  /** Replicas that differed when their shard was compared last. */
  get divergent(): readonly DivergentReplica[] {
    return [...this.#divergent].flatMap(([shard, nodes]) => nodes.map((node) => ({ shard, node })));
  }

  /**
   * Compares the replicas of a shard that this node leads, now.
   * @throws KvError `NOT_LEADER`, and what keeps the leader's own digest from being known
   */
  async audit(shard: number): Promise<Verdict> {
    const { self, replicas, logger } = this.#deps;
    const replica = replicas.replica(shard);
    if (replica === undefined)
      throw new KvError({ code: "NOT_LEADER", message: "no replica here" });
    const limits = { ...LIMITS, signal: this.#stopped.signal };
    const command = encodeCommand({ body: { type: "checksum" }, atMs: 0, writeId: undefined });
    const result = decodeResult(await replica.propose(command, limits));
    if (result.type !== "checksum") throw new Error(`a checksum gave a ${result.type}`);
    const { voters, learners } = replica.status();
    const members = [...voters, ...learners];
    const asked = members.map(async (node) => {
      const digest =
        node === self
          ? (await replica.checksum(result.revision, limits))?.sha256
          : await this.#ask(node, shard, result.revision, limits);
      return [node, digest] as const;
    });
    const digests = new Map<number, string>();
    for (const [node, digest] of await Promise.all(asked)) {
      if (digest !== undefined) digests.set(node, digest);
    }
    const verdict = compareDigests(digests, voters.length);
    if (verdict.type === "same") this.#divergent.delete(shard);
    else if (verdict.type === "divergent") await this.#onDivergence(shard, verdict.nodes, digests);
    else {
      this.#divergent.set(shard, verdict.groups.flat());
      logger.error(
        { shard, index: result.revision, digests: Object.fromEntries(digests) },
        "audit: replicas of a shard hold different data and no majority agrees; nothing was changed. " +
          "Keep copies of their directories, decide which is right, and replace the others",
      );
    }
    return verdict;
  }

  async #auditNext(): Promise<void> {
    const led = this.#deps.replicas
      .replicas()
      .filter(({ isLeader }) => isLeader)
      .map(({ shard }) => shard)
      .toSorted((a, b) => a - b);
    const next = led.find((shard) => shard > this.#last) ?? led[0];
    if (next === undefined) return;
    this.#last = next;
    await this.audit(next);
  }

  /** @returns undefined when the node cannot say */
  async #ask(
    node: number,
    shard: number,
    index: number,
    limits: CallLimits,
  ): Promise<string | undefined> {
    try {
      const body = Buffer.from(JSON.stringify({ shard, index }));
      const answer = await this.#deps.calls.call(node, "checksum", body, limits);
      return answerSchema.parse(JSON.parse(Buffer.from(answer).toString("utf8"))).sha256;
    } catch {
      // It is compared another time.
      return undefined;
    }
  }

  async #onDivergence(
    shard: number,
    nodes: readonly number[],
    digests: ReadonlyMap<number, string>,
  ): Promise<void> {
    const { map, meta, logger } = this.#deps;
    this.#divergent.set(shard, nodes);
    const names = nodes.map((number) => map.current.nodes.find((one) => one.number === number)?.id);
    logger.error(
      { shard, nodes: names, digests: Object.fromEntries(digests) },
      "audit: a replica holds other data than the majority: a disk or a defect changed it. It is replaced by " +
        "a snapshot from the majority; check the disk of that node",
    );
    const [remove] = nodes;
    const place = map.current.shards[shard];
    // One at a time, and never beside another change: the next audit finds what is left.
    if (remove === undefined || place?.move !== undefined || !place?.replicas.includes(remove))
      return;
    if (map.current.isBalancerPaused) return;
    await meta.change({ type: "begin-move", shard, move: { add: undefined, remove } }, CHANGE);
  }
}

/** Answers the leaders of shards that this node keeps. To be called before the first call can come. */
export function serveChecksums(
  calls: PeerCalls,
  replicas: { replica(shard: number): OpenShardReplica | undefined },
): void {
  calls.serve("checksum", async (_from, body, limits) => {
    let asked: z.output<typeof askSchema>;
    try {
      asked = askSchema.parse(JSON.parse(Buffer.from(body).toString("utf8")));
    } catch (error) {
      throw new KvError(
        { code: "FIELD_INVALID", message: "not a question for a checksum" },
        { cause: error },
      );
    }
    const checksum = await replicas.replica(asked.shard)?.checksum(asked.index, limits);
    return Buffer.from(JSON.stringify({ sha256: checksum?.sha256 }));
  });
}
