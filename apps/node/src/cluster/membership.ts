/**
 * How a node comes to belong to a cluster, once in its life: it founds one alone, or with peers that are named on
 * the command line, or joins one. Afterwards its directory decides, whatever the command line says.
 *
 * Founding with peers: each draws a token and says it to those who ask. Once all answer, with the same list, and
 * none belongs to a cluster, the one with the lowest id draws the cluster's id and makes the map, which holds all
 * tokens; the others fetch it from there. So a node whose directory was wiped is not taken for the one it was: it
 * has another token than the map says.
 */
import type { Clock, Random } from "@titan/bitcask";
import type { HelloResponse } from "@titan/proto";
import type { StaticPeer } from "../config/peer-list.js";
import type { Logger } from "../logger.js";
import { NodeError } from "../node-error.js";
import { type ClusterDialer, DialFailure } from "./cluster-dialer.js";
import type { ClusterMap } from "./cluster-map.js";
import { type ClusterShape, type Founder, genesisMap } from "./genesis.js";
import { digestOfPeers, type Self, toClusterNode } from "./introduction.js";
import { decodeMap } from "./map-schema.js";
import { randomHex } from "./random-hex.js";

export interface MembershipDeps {
  readonly self: Self;
  readonly shape: ClusterShape;
  readonly dialer: ClusterDialer;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Ends the waiting for others. */
  readonly signal: AbortSignal;
}

const CLUSTER_ID_DIGITS = 32;
const RETRY_MS = { least: 100, spread: 100 };
const REPORT_MS = 10_000;

/** The map of a cluster of this node alone. */
export function foundAlone({ self, shape, random }: MembershipDeps): ClusterMap {
  return genesisMap(randomHex(random, CLUSTER_ID_DIGITS), shape, [self]);
}

/**
 * Founds a cluster with peers.
 * @param peers this node among them
 * @returns the first map, or the present one of the cluster that was founded with this node
 * @throws NodeError `NODE_CLUSTER_REFUSED`, `NODE_STOPPED`
 */
export async function foundWithPeers(
  peers: readonly StaticPeer[],
  deps: MembershipDeps,
): Promise<ClusterMap> {
  const { self } = deps;
  const others = peers.filter(({ id }) => id !== self.id);
  const digest = digestOfPeers(peers);
  const isFirst = others.every(({ id }) => self.id < id);
  const waiting = new WaitingLog(deps, "waiting for the other founders of the cluster");
  for (;;) {
    const answers = await Promise.all(others.map((peer) => greet(peer, digest, deps)));
    const known = answers.find(({ answer }) => answer !== undefined && answer.clusterId !== "");
    if (known?.answer !== undefined) return adopt(known.peer, known.answer, deps);
    const missing = answers.filter(({ answer }) => answer?.peersDigest !== digest);
    if (missing.length === 0 && isFirst) {
      const founders = answers.map(({ peer, answer }) => toFounder(peer, answer));
      const clusterId = randomHex(deps.random, CLUSTER_ID_DIGITS);
      return genesisMap(clusterId, deps.shape, [self, ...founders]);
    }
    waiting.report(
      missing.map(({ peer, answer, problem }) => ({
        ...{ node: peer.id, address: peer.grpcAddr },
        problem: answer === undefined ? problem : "it was started with another list of --peers",
      })),
    );
    await pause(deps);
  }
}

/**
 * Joins the cluster of the nodes at these addresses; asks again until it is admitted.
 * @returns the cluster's map, this node in it
 * @throws NodeError `NODE_CLUSTER_REFUSED`, `NODE_STOPPED`
 */
export async function joinCluster(
  addresses: readonly string[],
  deps: MembershipDeps,
): Promise<ClusterMap> {
  const { self, dialer } = deps;
  const waiting = new WaitingLog(deps, "waiting to be admitted to the cluster");
  for (;;) {
    const problems: object[] = [];
    for (const address of addresses) {
      try {
        const request = { joinToken: self.joinToken, node: toClusterNode(self), clusterId: "" };
        const { map } = await dialer.join(address, request);
        return decodeMap(map);
      } catch (error) {
        if (!(error instanceof DialFailure)) throw error;
        if (error.isFinal) {
          const message = `the cluster at ${address} does not take this node: ${error.message}`;
          throw refused(message, error);
        }
        problems.push({ address, problem: error.message });
      }
    }
    waiting.report(problems);
    await pause(deps);
  }
}

interface Greeting {
  readonly peer: StaticPeer;
  readonly answer: HelloResponse | undefined;
  readonly problem: string;
}

async function greet(peer: StaticPeer, digest: string, deps: MembershipDeps): Promise<Greeting> {
  const { self, dialer } = deps;
  let answer: HelloResponse;
  try {
    answer = await dialer.hello(peer.grpcAddr, {
      ...{ nodeId: self.id, joinToken: self.joinToken, peersDigest: digest },
    });
  } catch (error) {
    if (!(error instanceof DialFailure)) throw error;
    return { peer, answer: undefined, problem: error.message };
  }
  if (answer.nodeId !== peer.id) {
    throw refused(
      `--peers says that node ${peer.id} is at ${peer.grpcAddr}, but node ${answer.nodeId} answers there`,
    );
  }
  return { peer, answer, problem: "" };
}

function adopt(peer: StaticPeer, answer: HelloResponse, { self }: MembershipDeps): ClusterMap {
  if (answer.map.length > 0) return decodeMap(answer.map);
  throw refused(
    `node ${peer.id} at ${peer.grpcAddr} belongs to cluster ${answer.clusterId} already, which does not know this ` +
      `data directory. If it is that of a new node, start it with --join ${peer.grpcAddr} instead of --peers. If ` +
      `node ${self.id} was part of that cluster and has lost its disk, it must not come back as it was: take it out ` +
      `first (titan leave ${self.id} at another node), then start it with an empty --data-dir and --join`,
  );
}

/** Of a peer that has answered, and belongs to no cluster. */
function toFounder(peer: StaticPeer, answer: HelloResponse | undefined): Founder {
  return {
    id: peer.id,
    joinToken: answer?.joinToken ?? "",
    grpcAddr: peer.grpcAddr,
    raftAddr: peer.raftAddr,
    zone: answer?.self?.zone ?? "",
    weight: (answer?.self?.weightPercent ?? 100) / 100,
  };
}

async function pause({ clock, random, signal }: MembershipDeps): Promise<void> {
  const delayMs = RETRY_MS.least + random.nextInt(RETRY_MS.spread);
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      cancel();
      reject(
        new NodeError("NODE_STOPPED", "the node was told to stop before it belonged to a cluster"),
      );
    };
    const cancel = clock.schedule(delayMs, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

function refused(message: string, cause?: unknown): NodeError {
  return new NodeError(
    "NODE_CLUSTER_REFUSED",
    message,
    cause === undefined ? undefined : { cause },
  );
}

/** Says now and then what is waited for. */
class WaitingLog {
  readonly #deps: MembershipDeps;
  readonly #message: string;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(deps: MembershipDeps, message: string) {
    this.#deps = deps;
    this.#message = message;
  }

  report(missing: readonly object[]): void {
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#lastMs < REPORT_MS) return;
    this.#lastMs = nowMs;
    this.#deps.logger.info({ missing }, this.#message);
  }
}
