/** A large snapshot that is cut off again and again on its way to a new member, while others work. */
import { toNodeId } from "@titan/raft";
import type { OutgoingStream, Transport } from "@titan/raft/transport";
import { load } from "./load.js";
import { Tally, Trio, until } from "./trio.js";

const GROUP = 7;
const FOREGROUND = 1;
const CALLERS = 16;
const CUTS = 20;
const PIECE_BYTES = 1024 * 1024;

/** The state has as many MiB as it is told. */
class Large extends Tally {
  readonly #pieces: number;
  restored = 0;

  constructor(pieces: number) {
    super();
    this.#pieces = pieces;
  }

  override *snapshot(): Generator<Uint8Array> {
    for (let piece = 0; piece < this.#pieces; piece += 1)
      yield new Uint8Array(PIECE_BYTES).fill(piece);
  }

  override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) this.restored += chunk.length;
  }
}

/** What went over streams, each of which ends after so many bytes as long as there are cuts left. */
interface Road {
  bytes: number;
  cutsLeft: number;
  readonly bytesPerCut: number;
}

function onRoad(transport: Transport, road: Road): Transport {
  return new Proxy(transport, {
    get(target, name) {
      if (name === "openStream") {
        return async (...call: Parameters<Transport["openStream"]>) =>
          cutting(await target.openStream(...call), road);
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

function cutting(stream: OutgoingStream, road: Road): OutgoingStream {
  let bytes = 0;
  return {
    write: async (chunk) => {
      bytes += chunk.length;
      road.bytes += chunk.length;
      if (bytes > road.bytesPerCut && road.cutsLeft > 0) {
        road.cutsLeft -= 1;
        stream.abort();
        throw new Error("cut");
      }
      await stream.write(chunk);
    },
    end: () => stream.end(),
    abort: () => stream.abort(),
  };
}

/** @param mebibytes of the snapshot */
export async function snapshotPhase(directory: string, mebibytes: number) {
  const size = mebibytes * PIECE_BYTES;
  const road: Road = { bytes: 0, cutsLeft: CUTS, bytesPerCut: size / (CUTS + 1) };
  const trio = await Trio.start({
    log: "disk",
    directory,
    wrap: (transport) => onRoad(transport, road),
  });
  const foreground = await trio.open(FOREGROUND);
  const command = new Uint8Array(128);
  const propose = (): Promise<unknown> => foreground.propose(command);
  await load(propose, CALLERS, 1000);
  const before = await load(propose, CALLERS, 5000);

  const [first, second, third] = trio.hosts;
  if (first === undefined || second === undefined || third === undefined)
    throw new Error("no trio");
  const founders = { voters: [1, 2] };
  for (const host of [first, second]) {
    await host.openGroup({ group: GROUP, stateMachine: new Large(mebibytes), founders });
  }
  const leader = first.group(GROUP);
  leader?.campaign();
  await until(() => leader?.role === "leader");
  await leader?.propose(command);
  const newcomer = new Large(mebibytes);
  await third.openGroup({ group: GROUP, stateMachine: newcomer });
  const begin = performance.now();
  await leader?.changeConfig({
    transition: "auto",
    changes: [{ operation: "add-learner", node: toNodeId(3) }],
  });
  const p99s: number[] = [];
  while (newcomer.restored < size) p99s.push((await load(propose, CALLERS, 1000)).p99Ms);
  const seconds = (performance.now() - begin) / 1000;
  await trio.close();
  p99s.sort((a, b) => a - b);
  return {
    sentShare: road.bytes / size,
    cuts: CUTS - road.cutsLeft,
    seconds,
    p99BeforeMs: before.p99Ms,
    p99MeanwhileMs: p99s[Math.floor(p99s.length / 2)] ?? 0,
  };
}
