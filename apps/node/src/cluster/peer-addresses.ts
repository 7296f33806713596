/** Tells the transport where the peers are, as the map says. */
import { toNodeId } from "@titan/raft";
import type { Transport } from "@titan/raft/transport";
import type { Logger } from "../logger.js";
import type { ClusterMap } from "./cluster-map.js";

export class PeerAddresses {
  readonly #self: number;
  readonly #transport: Pick<Transport, "setPeer" | "removePeer">;
  readonly #logger: Logger;
  readonly #known = new Map<number, string>();

  constructor(self: number, transport: Pick<Transport, "setPeer" | "removePeer">, logger: Logger) {
    this.#self = self;
    this.#transport = transport;
    this.#logger = logger;
  }

  take(map: ClusterMap): void {
    for (const { number, raftAddr, state, id } of map.nodes) {
      if (number === this.#self) continue;
      if (state === "left") {
        if (this.#known.delete(number)) this.#transport.removePeer(toNodeId(number));
      } else if (this.#known.get(number) !== raftAddr) {
        try {
          this.#transport.setPeer(toNodeId(number), raftAddr);
          this.#known.set(number, raftAddr);
        } catch (error) {
          this.#logger.error({ error, node: id, raftAddr }, "a node's address is not usable");
        }
      }
    }
  }
}
