/**
 * Brings the map up to date with what this node says of itself: a node that was started with other addresses,
 * another zone or weight. By the meta group if that can be reached; else by gRPC, as peers that look for this node at
 * its old address may not find it otherwise.
 */
import type { Clock } from "@titan/bitcask";
import { KvError } from "../kv/kv-error.js";
import type { Logger } from "../logger.js";
import { type ClusterDialer, DialFailure } from "./cluster-dialer.js";
import { nodeOf } from "./cluster-map.js";
import { type Self, toClusterNode } from "./introduction.js";
import type { MapView } from "./map-source.js";
import type { MetaGroup } from "./meta-group.js";

export interface AddressKeeperDeps {
  readonly self: Self;
  readonly number: number;
  readonly clusterId: string;
  readonly map: MapView;
  readonly meta: MetaGroup;
  readonly dialer: ClusterDialer;
  readonly clock: Clock;
  readonly logger: Logger;
}

const RETRY_MS = 1_000;
const CALL = { timeoutMs: 3_000 };

export class AddressKeeper {
  readonly #deps: AddressKeeperDeps;
  #cancel: () => void = () => undefined;
  #turn: Promise<void> | undefined;
  #isStopped = false;

  constructor(deps: AddressKeeperDeps) {
    this.#deps = deps;
    if (!this.#isKnown()) this.#lookIn(0);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#turn;
  }

  #lookIn(delayMs: number): void {
    this.#cancel = this.#deps.clock.schedule(delayMs, () => {
      this.#turn = this.#announce().then((isSettled) => {
        this.#turn = undefined;
        if (!isSettled && !this.#isStopped) this.#lookIn(RETRY_MS);
      });
    });
  }

  /** @returns whether there is nothing more to do */
  async #announce(): Promise<boolean> {
    if (this.#isKnown()) return true;
    const { self, number, meta, logger } = this.#deps;
    const { grpcAddr, raftAddr, zone, weight } = self;
    const facts = { grpcAddr, raftAddr, zone, weight };
    try {
      await meta.change({ type: "update-node", node: number, ...facts }, CALL);
      return true;
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      if (error.code === "CLUSTER_STATE") {
        logger.error(
          { reason: error.message },
          "the cluster does not take this node's new addresses",
        );
        return true;
      }
    }
    return this.#announceByGrpc();
  }

  async #announceByGrpc(): Promise<boolean> {
    const { self, clusterId, map, number, dialer, logger } = this.#deps;
    const { joinToken } = self;
    for (const node of map.current.nodes) {
      if (node.number === number || node.state === "left" || this.#isStopped) continue;
      try {
        await dialer.join(node.grpcAddr, { joinToken, node: toClusterNode(self), clusterId });
        return true;
      } catch (error) {
        if (!(error instanceof DialFailure) || !error.isFinal) continue;
        logger.error(
          { reason: error.message },
          "the cluster does not take this node's new addresses",
        );
        return true;
      }
    }
    return false;
  }

  #isKnown(): boolean {
    const { self, number, map } = this.#deps;
    const known = nodeOf(map.current, number);
    return (
      known?.grpcAddr === self.grpcAddr &&
      known.raftAddr === self.raftAddr &&
      known.zone === self.zone &&
      known.weight === self.weight
    );
  }
}
