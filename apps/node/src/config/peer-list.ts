/** `--peers`: the nodes that found a cluster together. */
import { z } from "zod";
import { splitList } from "./value-types.js";

/** A node of the list. */
export interface StaticPeer {
  readonly id: string;
  readonly grpcAddr: string;
  readonly raftAddr: string;
}

const EXAMPLE = 'for example "node1@10.0.0.1:7420@10.0.0.1:7421"';
/** `|` is what the first such lists had, and what shells take for a pipe. */
const SEPARATORS = /[@|]/;
const ID = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const ADDRESS = /^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):([0-9]{1,5})$/;
const MAX_PEERS = 100;

const peerSchema = z.strictObject({
  id: z.string(),
  grpcAddr: z.string(),
  raftAddr: z.string(),
});

/** Peers as text (`id@grpc@raft`, or `id|grpc|raft`, separated by commas), a list of such, or a list of objects. */
export function peerList() {
  const problem = `expected ID@GRPC@RAFT,..., ${EXAMPLE}`;
  return z
    .union([z.string().transform(splitList), z.array(z.union([z.string(), peerSchema]))], problem)
    .transform((entries, context): readonly StaticPeer[] => {
      const peers: StaticPeer[] = [];
      for (const entry of entries) {
        const peer = typeof entry === "string" ? parsePeer(entry) : entry;
        const flaw = peer === undefined ? problem : flawOf(peer);
        if (flaw !== undefined) context.addIssue({ code: "custom", message: flaw });
        else if (peer !== undefined) peers.push(peer);
      }
      const flaw = flawOfList(peers);
      if (flaw !== undefined) context.addIssue({ code: "custom", message: flaw });
      return peers;
    });
}

function parsePeer(text: string): StaticPeer | undefined {
  const [id, grpcAddr, raftAddr, ...rest] = text.split(SEPARATORS);
  if (id === undefined || grpcAddr === undefined || raftAddr === undefined) return undefined;
  return rest.length === 0 ? { id, grpcAddr, raftAddr } : undefined;
}

function flawOf({ id, grpcAddr, raftAddr }: StaticPeer): string | undefined {
  if (!ID.test(id)) return `"${id}" is no node id: 1 to 63 of a-z, 0-9, '.', '_', '-'`;
  for (const address of [grpcAddr, raftAddr]) {
    const port = Number(ADDRESS.exec(address)?.[2]);
    if (!(port >= 1 && port <= 65_535)) return `"${address}" of ${id} is no HOST:PORT; ${EXAMPLE}`;
  }
  return undefined;
}

function flawOfList(peers: readonly StaticPeer[]): string | undefined {
  if (peers.length > MAX_PEERS) return `more than ${MAX_PEERS} peers`;
  const twice = (values: readonly string[]) => values.find((one, at) => values.indexOf(one) !== at);
  const id = twice(peers.map((peer) => peer.id));
  if (id !== undefined) return `node id ${id} is given twice`;
  const address = twice(peers.flatMap(({ grpcAddr, raftAddr }) => [grpcAddr, raftAddr]));
  return address === undefined ? undefined : `address ${address} is given twice`;
}
