import { toNodeId } from "@titan/raft";
import { SeededRandom, VirtualClock } from "@titan/raft/testing";
import { LossyTransport, MemoryNetwork } from "@titan/raft/transport";
import { afterEach, expect, test, vi } from "vitest";
import { KvError } from "../../src/kv/kv-error.js";
import { silentLogger } from "../../src/logger.js";
import { PeerNetwork } from "../../src/peer/peer-network.js";
import type { PeerLimits } from "../../src/peer/peer-options.js";
import { PEER_STREAM_HEADER } from "../../src/peer/peer-record.js";

interface Node {
  readonly peers: PeerNetwork;
  readonly lossy: LossyTransport;
  readonly errors: object[];
  readonly frames: string[];
  readonly streams: string[];
}

const LIMITS = { timeoutMs: 10_000 };
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function startNodes(count: number, limits: Partial<PeerLimits> = {}) {
  const network = new MemoryNetwork();
  const clock = new VirtualClock();
  const nodes: Node[] = [];
  const start = async (id: number): Promise<Node> => {
    const random = new SeededRandom(id);
    const lossy = new LossyTransport({ inner: network.transport(id), clock, random });
    const errors: object[] = [];
    const logger = { ...silentLogger, error: (fields: object) => errors.push(fields) };
    const deps = { nodeNumber: id, transport: lossy, clock, random, logger };
    const peers = new PeerNetwork(deps, limits);
    const frames: string[] = [];
    const streams: string[] = [];
    peers.serve("read", async (from, body) => Buffer.concat([Buffer.from(`${id}<${from}:`), body]));
    for (let other = 1; other <= count; other += 1) {
      if (other !== id) peers.transport.setPeer(toNodeId(other), "");
    }
    const node = { peers, lossy, errors, frames, streams };
    nodes[id] = node;
    await peers.transport.start({
      onFrame: (_from, frame) => frames.push(Buffer.from(frame).toString()),
      onPeerState: () => undefined,
      onStream: async (_from, header, chunks) => {
        let text = Buffer.from(header).toString();
        for await (const chunk of chunks) text += Buffer.from(chunk).toString();
        streams.push(text);
      },
    });
    closing.push(() => peers.transport.close());
    return node;
  };
  for (let id = 1; id <= count; id += 1) await start(id);
  const [, first, second] = nodes;
  if (first === undefined || second === undefined) throw new Error("two nodes at least");
  await vi.waitFor(() => expect(first.peers.isReachable(2)).toBe(true));
  await vi.waitFor(() => expect(second.peers.isReachable(1)).toBe(true));
  return { network, clock, first, second, start };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

test("calls go both ways, and their answers find them in whatever order they come", async () => {
  const { first, second } = await startNodes(2);
  const waiting: (() => void)[] = [];
  second.peers.serve("scan", async (_from, body) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return body;
  });
  const slow = first.peers.call(2, "scan", Buffer.from("slow"), LIMITS);
  const answers = await Promise.all([
    ...["a", "b"].map((body) => first.peers.call(2, "read", Buffer.from(body), LIMITS)),
    second.peers.call(1, "read", Buffer.from("c"), LIMITS),
  ]);
  expect(answers.map(text)).toEqual(["2<1:a", "2<1:b", "1<2:c"]);
  waiting[0]?.();
  expect(text(await slow)).toBe("slow");
  expect(first.peers.stats.streamsOpened).toBe(1);
});

test("a node calls itself without a way", async () => {
  const { first } = await startNodes(2);
  expect(text(await first.peers.call(1, "read", Buffer.from("x"), LIMITS))).toBe("1<1:x");
});

test("frames and other streams go through to the host", async () => {
  const { first, second } = await startNodes(2);
  first.peers.transport.send(toNodeId(2), Buffer.from("frame"));
  const stream = await first.peers.transport.openStream(toNodeId(2), Buffer.from("head"));
  await stream.write(Buffer.from("body"));
  await stream.end();
  await vi.waitFor(() => expect(second.frames).toEqual(["frame"]));
  expect(second.streams).toEqual(["headbody"]);
});

test("bodies larger than a piece of the stream arrive whole", async () => {
  const { first } = await startNodes(2);
  const bodies = Array.from({ length: 5 }, (_, at) => Buffer.alloc(700_000, at + 1));
  const answers = await Promise.all(
    bodies.map((body) => first.peers.call(2, "read", body, LIMITS)),
  );
  for (const [at, answer] of answers.entries()) {
    expect(Buffer.compare(answer.subarray(4), bodies[at] ?? Buffer.of())).toBe(0);
  }
});

test("a known error comes out with code, outcome, words and metadata; a defect only with its code", async () => {
  const { first, second } = await startNodes(2);
  const errors: unknown[] = [
    new KvError({
      code: "NOT_LEADER",
      message: "ask another",
      outcome: "unknown",
      metadata: { leader: "3" },
    }),
    new Error("secret"),
  ];
  second.peers.serve("scan", async () => {
    throw errors.shift();
  });
  second.peers.serve("meta", () => {
    throw new KvError({ code: "CLUSTER_STATE", message: "at once" });
  });
  const call = (method: "scan" | "meta") => first.peers.call(2, method, Buffer.of(), LIMITS);
  await expect(call("scan")).rejects.toMatchObject({
    ...{ code: "NOT_LEADER", outcome: "unknown", message: "ask another" },
    metadata: { leader: "3" },
  });
  const defect = await call("scan").catch((error: unknown) => error);
  expect(defect).toMatchObject({ code: "INTERNAL", outcome: "unknown" });
  expect(String(defect)).not.toContain("secret");
  expect(second.errors).toHaveLength(1);
  await expect(call("meta")).rejects.toMatchObject({ code: "CLUSTER_STATE" });
});

test("a method that the peer does not serve is refused", async () => {
  const { first } = await startNodes(2);
  await expect(first.peers.call(2, "checksum", Buffer.of(), LIMITS)).rejects.toMatchObject({
    ...{ code: "NOT_IMPLEMENTED", outcome: "not-applied" },
  });
});

test("a call whose time is over fails, and the peer is told that nobody waits", async () => {
  const { first, second, clock } = await startNodes(2);
  const seen: AbortSignal[] = [];
  second.peers.serve("scan", (_from, _body, { signal, timeoutMs }) => {
    expect(timeoutMs).toBe(100);
    if (signal !== undefined) seen.push(signal);
    return new Promise(() => undefined);
  });
  const call = first.peers.call(2, "scan", Buffer.of(), { timeoutMs: 100 });
  await vi.waitFor(() => expect(seen).toHaveLength(1));
  clock.advance(200);
  await expect(call).rejects.toMatchObject({ code: "TIMED_OUT", outcome: "unknown" });
  await vi.waitFor(() => expect(seen[0]?.aborted).toBe(true));
});

test("a call that is taken back fails with the reason of its signal", async () => {
  const { first, second } = await startNodes(2);
  const seen: AbortSignal[] = [];
  second.peers.serve("scan", (_from, _body, { signal }) => {
    if (signal !== undefined) seen.push(signal);
    return new Promise(() => undefined);
  });
  const abort = new AbortController();
  const limits = { timeoutMs: 100, signal: abort.signal };
  const call = first.peers.call(2, "scan", Buffer.of(), limits);
  await vi.waitFor(() => expect(seen).toHaveLength(1));
  abort.abort(new Error("enough"));
  await expect(call).rejects.toThrow("enough");
  await vi.waitFor(() => expect(seen[0]?.aborted).toBe(true));
  await expect(first.peers.call(2, "read", Buffer.of(), limits)).rejects.toThrow("enough");
});

test("a call to a node that cannot be reached is certainly not applied", async () => {
  const { first } = await startNodes(2);
  await expect(first.peers.call(9, "read", Buffer.of(), LIMITS)).rejects.toMatchObject({
    ...{ code: "PEER_UNREACHABLE", outcome: "not-applied" },
  });
});

test("a peer lost under a call leaves its outcome open; back again, it is called again", async () => {
  const { first, second, start } = await startNodes(2);
  second.peers.serve("scan", () => new Promise(() => undefined));
  const call = first.peers.call(2, "scan", Buffer.of(), LIMITS);
  await vi.waitFor(() => expect(second.peers.stats.callsServed).toBe(1));
  const lost = expect(call).rejects.toMatchObject({
    ...{ code: "PEER_UNREACHABLE", outcome: "unknown" },
  });
  await second.peers.transport.close();
  await lost;
  expect(first.peers.isReachable(2)).toBe(false);
  await start(2);
  await vi.waitFor(() => expect(first.peers.isReachable(2)).toBe(true));
  expect(text(await first.peers.call(2, "read", Buffer.of(), LIMITS))).toBe("2<1:");
});

test("a node that stops answers what it was asked, and is asked no more", async () => {
  const { first, second, start } = await startNodes(2);
  const waiting: (() => void)[] = [];
  second.peers.serve("scan", async (_from, body) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return body;
  });
  const called = first.peers.call(2, "scan", Buffer.from("slow"), LIMITS);
  await vi.waitFor(() => expect(waiting).toHaveLength(1));
  const drained = second.peers.drain(LIMITS.timeoutMs);
  await vi.waitFor(() => expect(first.peers.isReachable(2)).toBe(false));
  await expect(first.peers.call(2, "read", Buffer.of(), LIMITS)).rejects.toMatchObject({
    ...{ code: "PEER_UNREACHABLE", outcome: "not-applied" },
  });
  waiting[0]?.();
  expect(await drained).toBe(true);
  await second.peers.transport.close();
  expect(text(await called)).toBe("slow");
  // This network tells of a node's end in a later turn, and not at all when it is back by then.
  await new Promise((resolve) => setImmediate(resolve));
  await start(2);
  await vi.waitFor(() => expect(first.peers.isReachable(2)).toBe(true));
  expect(text(await first.peers.call(2, "read", Buffer.from("x"), LIMITS))).toBe("2<1:x");
});

test("a node that stops does not wait for ever for what it was asked, nor for peers that are lost", async () => {
  const { first, second, clock } = await startNodes(2);
  second.peers.serve("scan", () => new Promise(() => undefined));
  const called = first.peers.call(2, "scan", Buffer.of(), LIMITS);
  const refused = expect(called).rejects.toMatchObject({ outcome: "unknown" });
  const late = second.peers.drain(1_000);
  await vi.waitFor(() => expect(first.peers.isReachable(2)).toBe(false));
  clock.advance(1_000);
  expect(await late).toBe(false);
  await second.peers.transport.close();
  await refused;
  expect(await first.peers.drain(1_000)).toBe(true);
});

test("a way that was cut opens again after a pause, within which calls are refused at once", async () => {
  const { first, clock } = await startNodes(2);
  const call = () => first.peers.call(2, "read", Buffer.from("x"), LIMITS);
  await call();
  first.lossy.cut(toNodeId(2));
  await expect(call()).rejects.toMatchObject({ code: "PEER_UNREACHABLE" });
  await expect(call()).rejects.toMatchObject({ code: "PEER_UNREACHABLE", outcome: "not-applied" });
  expect(first.peers.isReachable(2)).toBe(false);
  first.lossy.heal();
  await expect(call()).rejects.toMatchObject({ code: "PEER_UNREACHABLE", outcome: "not-applied" });
  clock.advance(60);
  expect(text(await call())).toBe("2<1:x");
});

test("answers that cannot be sent back fail the call with an open outcome", async () => {
  const { first, second } = await startNodes(2);
  await first.peers.call(2, "read", Buffer.of(), LIMITS);
  let answer = (): void => undefined;
  second.peers.serve("scan", async () => {
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    return Buffer.of();
  });
  const call = first.peers.call(2, "scan", Buffer.of(), LIMITS);
  await vi.waitFor(() => expect(second.peers.stats.callsServed).toBe(2));
  const lost = expect(call).rejects.toMatchObject({
    ...{ code: "PEER_UNREACHABLE", outcome: "unknown" },
  });
  second.lossy.cut(toNodeId(1));
  answer();
  await lost;
});

test("too many calls to a peer are refused here, too many of a peer there; the others are served", async () => {
  const { first, second } = await startNodes(2, { calls: 3, incomingCalls: 2 });
  const waiting: (() => void)[] = [];
  second.peers.serve("scan", async (_from, body) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return body;
  });
  const calls = Array.from({ length: 4 }, () =>
    first.peers.call(2, "scan", Buffer.of(), LIMITS).then(
      () => "served",
      (error: KvError) => `${error.code} ${error.outcome}`,
    ),
  );
  await vi.waitFor(() => expect(second.peers.stats.callsRefused).toBe(1));
  for (const resolve of waiting) resolve();
  expect((await Promise.all(calls)).sort()).toEqual([
    "OVERLOADED not-applied",
    "OVERLOADED not-applied",
    "served",
    "served",
  ]);
  await vi.waitFor(async () => {
    const late = first.peers.call(2, "scan", Buffer.from("again"), LIMITS);
    await vi.waitFor(() => expect(waiting.length).toBeGreaterThan(2));
    for (const resolve of waiting) resolve();
    expect(text(await late)).toBe("again");
  });
});

test("more bytes than may wait are refused, but one call alone may be as large as it is", async () => {
  const { first } = await startNodes(2, { queuedBytes: 1_000 });
  const call = (bytes: number) => first.peers.call(2, "read", Buffer.alloc(bytes), LIMITS);
  const [large, refused] = [call(5_000), call(10)];
  await expect(refused).rejects.toMatchObject({ code: "OVERLOADED", outcome: "not-applied" });
  expect((await large).length).toBe(5_004);
});

test("bytes that are no call end the stream, are counted, and harm no other", async () => {
  const { first, second } = await startNodes(2, { recordBytes: 100_000 });
  const request = (epoch: number, sequence: number, size = 14, kind = 1): Buffer => {
    const bytes = Buffer.alloc(4 + size);
    bytes.writeUInt32LE(size, 0);
    bytes[4] = kind;
    bytes.writeUInt32LE(epoch, 5);
    if (size >= 9) bytes.writeUInt32LE(sequence, 9);
    return bytes;
  };
  const hostile = [
    Buffer.from("ffffffff", "hex"),
    Buffer.alloc(4),
    request(1, 1, 14, 9),
    request(1, 1, 10),
    Buffer.concat([request(1, 1), request(2, 2)]),
  ];
  for (const bytes of hostile) {
    const stream = await first.lossy.openStream(toNodeId(2), PEER_STREAM_HEADER);
    await stream.write(bytes).catch(() => undefined);
    await expect(stream.end()).rejects.toMatchObject({ code: "RAFT_TRANSPORT_STREAM_REFUSED" });
  }
  expect(second.peers.stats.malformedStreams).toBe(hostile.length);
  expect(text(await first.peers.call(2, "read", Buffer.from("x"), LIMITS))).toBe("2<1:x");
});

test("answers to nobody are counted and dropped", async () => {
  const { first, second } = await startNodes(2);
  const answer = Buffer.alloc(13);
  answer.writeUInt32LE(9, 0);
  answer[4] = 2;
  answer.writeUInt32LE(77, 9);
  const stream = await first.lossy.openStream(toNodeId(2), PEER_STREAM_HEADER);
  await stream.write(answer);
  await vi.waitFor(() => expect(second.peers.stats.strayAnswers).toBe(1));
  stream.abort();
});
