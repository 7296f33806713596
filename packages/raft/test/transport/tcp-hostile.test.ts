import { afterEach, describe, expect, test } from "vitest";
import { toNodeId } from "../../src/core/index.js";
import { decodeWelcome, encodeWelcome } from "../../src/transport/tcp-handshake.js";
import type { TcpTransportOptions } from "../../src/transport/tcp-options.js";
import { encodeRecords, RECORD_KIND, type RecordKind } from "../../src/transport/tcp-record.js";
import { helloBytes, RawPeer, RawServer, until } from "./support/raw-peer.js";
import { TcpNode } from "./support/tcp-node.js";

const PEER = toNodeId(2);
const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startNode(options: TcpTransportOptions = {}): Promise<TcpNode> {
  const node = await TcpNode.start(options);
  closers.push(() => node.transport.close());
  return node;
}

async function startServer(): Promise<RawServer> {
  const server = await RawServer.listen();
  closers.push(() => server.close());
  return server;
}

/** A frame from somebody well-behaved still arrives. */
async function expectAlive(node: TcpNode): Promise<void> {
  const peer = await RawPeer.greet(node.address, { from: 77 });
  peer.record(RECORD_KIND.frame, bytes("still here"));
  await until(() => node.frames.includes("77:still here"));
  peer.hangUp();
}

function verdictOf(peer: RawPeer): string | undefined {
  const decoded = decodeWelcome(peer.received);
  return decoded !== undefined && "message" in decoded ? decoded.message.verdict : undefined;
}

describe("handshakes that are refused, named and counted", () => {
  const wrongs = [
    ["wrong-cluster", { cluster: bytes("another") }],
    ["wrong-node", { to: 3 }],
    ["unknown-peer", { from: 1 }],
  ] as const;
  for (const [fault, hello] of wrongs) {
    test(`${fault}: the other end is told, and nothing that it sends is heard`, async () => {
      const node = await startNode();
      const peer = await RawPeer.greet(node.address, hello);
      expect(verdictOf(peer)).toBe(fault);
      peer.record(RECORD_KIND.frame, bytes("unheard"));
      await until(() => peer.isClosed);
      expect([node.frames, node.faults]).toEqual([[], [fault]]);
      expect(node.transport.stats().faults[fault]).toBe(1);
      await expectAlive(node);
    });
  }

  test("another version is told of ours", async () => {
    const node = await startNode();
    const peer = await RawPeer.dial(node.address);
    const hello = helloBytes({ version: 2 });
    peer.say(hello);
    await until(() => peer.isClosed);
    expect(verdictOf(peer)).toBe("wrong-version");
    expect(node.faults).toEqual(["wrong-version"]);
  });

  test("another protocol is cut off after its first byte", async () => {
    const node = await startNode();
    const peer = await RawPeer.dial(node.address);
    peer.say(bytes("GET / HTTP/1.1\r\n"));
    await until(() => peer.isClosed);
    expect([peer.received.length, node.faults]).toEqual([0, ["bad-magic"]]);
  });

  test("every flipped bit of a hello is noticed", async () => {
    const node = await startNode();
    const hello = helloBytes();
    for (let bit = 0; bit < hello.length * 8; bit += 5) {
      const flipped = Buffer.from(hello);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const peer = await RawPeer.dial(node.address);
      peer.say(flipped);
      peer.record(RECORD_KIND.frame, bytes(`after bit ${bit}`));
      // A longer name of the cluster waits for more bytes: let time run out on it.
      const faults = node.faults.length;
      peer.socket.end();
      await until(() => peer.isClosed || node.faults.length > faults);
      peer.hangUp();
    }
    expect(node.frames).toEqual([]);
    await expectAlive(node);
  });

  test("a hello that trickles in is given up in time, however busy it keeps", async () => {
    const node = await startNode({ handshakeTimeoutMs: 1000 });
    const peer = await RawPeer.dial(node.address);
    const hello = helloBytes();
    for (let at = 0; at < 9; at += 1) {
      peer.say(hello.subarray(at, at + 1));
      await until(() => peer.socket.writableLength === 0);
      node.clock.advance(100);
    }
    expect(peer.isClosed).toBe(false);
    await expectAlive(node);
    node.clock.advance(101);
    await until(() => peer.isClosed);
    expect(node.faults).toEqual(["handshake-timeout"]);
  });

  test("a flood of connections holds a bounded number of them, and shuts nobody out", async () => {
    const node = await startNode({ maxHandshakes: 8 });
    const flood: RawPeer[] = [];
    for (let count = 0; count < 60; count += 1) flood.push(await RawPeer.dial(node.address));
    await until(() => flood.filter(({ isClosed }) => isClosed).length >= 52);
    await expectAlive(node);
    expect(flood.filter(({ isClosed }) => !isClosed).length).toBeLessThanOrEqual(8);
    expect(node.transport.stats().faults["handshake-flood"]).toBeGreaterThanOrEqual(52);
    for (const peer of flood) peer.hangUp();
  });

  test("nodes without an address are listened to, up to a number", async () => {
    const node = await startNode({ maxGuests: 2 });
    const guests = [await RawPeer.greet(node.address, { from: 11 })];
    guests.push(await RawPeer.greet(node.address, { from: 12 }));
    const third = await RawPeer.greet(node.address, { from: 13 });
    expect(guests.map(verdictOf)).toEqual(["welcome", "welcome"]);
    expect(verdictOf(third)).toBe("unknown-peer");
    guests[0]?.hangUp();
    await until(() => node.transport.stats().connections === 1);
    expect(verdictOf(await RawPeer.greet(node.address, { from: 13 }))).toBe("welcome");
  });
});

describe("records that end their connection, named and counted", () => {
  async function expectFault(fault: string, damage: (peer: RawPeer) => void, purpose = "frames") {
    const node = await startNode({ maxFrameBytes: 1000 });
    const hello = { purpose: purpose as "frames" | "stream" };
    const peer = await RawPeer.greet(node.address, hello);
    damage(peer);
    await until(() => node.faults.length > 0);
    expect([node.faults, node.frames]).toEqual([[fault], []]);
    await until(() => node.transport.stats().connections === 0);
    await expectAlive(node);
  }

  const head = (kind: number, length: number): Buffer => {
    const header = Buffer.alloc(8);
    header.writeUInt32LE(kind * 2 ** 28 + length, 0);
    return header;
  };

  test("a length above the limit, long before that much has come", async () => {
    await expectFault("too-large", (peer) => peer.say(head(RECORD_KIND.frame, 1001)));
    await expectFault("too-large", (peer) => peer.say(head(RECORD_KIND.frame, 2 ** 28 - 1)));
    await expectFault("too-large", (peer) => peer.say(head(RECORD_KIND.beat, 1)));
  });

  test("kinds that do not exist, or have no place there", async () => {
    for (const kind of [0, RECORD_KIND.streamChunk, RECORD_KIND.streamAnswer, 7, 15]) {
      await expectFault("unexpected-record", (peer) => peer.say(head(kind, 0)));
    }
  });

  test("a chunk before the header of its stream, and a frame in one", async () => {
    const chunk = (peer: RawPeer): void => peer.record(RECORD_KIND.streamChunk, bytes("x"));
    await expectFault("unexpected-record", chunk, "stream");
    const frame = (peer: RawPeer): void => peer.record(RECORD_KIND.frame, bytes("x"));
    await expectFault("unexpected-record", frame, "stream");
  });

  test("an end within a record", async () => {
    await expectFault("cut-short", (peer) => {
      const [record = new Uint8Array(0)] = encodeRecords([
        { kind: RECORD_KIND.frame, body: bytes("never whole") },
      ]);
      peer.say(record.subarray(0, record.length - 1));
      peer.socket.end();
    });
  });

  test("every flipped bit of a frame keeps it, and all after it, from being heard", async () => {
    const node = await startNode();
    const kind: RecordKind = RECORD_KIND.frame;
    const whole = Buffer.concat(
      encodeRecords([
        { kind, body: bytes("first") },
        { kind, body: bytes("second") },
      ]),
    );
    for (let bit = 0; bit < 13 * 8; bit += 1) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const peer = await RawPeer.greet(node.address);
      peer.say(flipped);
      peer.socket.end();
      await until(() => node.transport.stats().connections === 0);
    }
    expect(node.frames).toEqual([]);
    expect(node.faults.length).toBe(13 * 8);
    await expectAlive(node);
  });

  test("a stream without a header runs out of time", async () => {
    const node = await startNode({ handshakeTimeoutMs: 1000 });
    await RawPeer.greet(node.address, { purpose: "stream" });
    node.clock.advance(1001);
    await until(() => node.transport.stats().connections === 0);
    expect(node.faults).toEqual(["handshake-timeout"]);
  });

  test("streams above the limit are refused", async () => {
    const node = await startNode({ maxStreamsPerPeer: 2 });
    const open = () => RawPeer.greet(node.address, { purpose: "stream" });
    const peers = [await open(), await open(), await open()];
    expect(peers.map(verdictOf)).toEqual(["welcome", "welcome", "stream-limit"]);
  });

  test("a connection whose other end is gone without a word is closed, one that beats is not", async () => {
    const node = await startNode({ keepAliveMs: 100, maxSilentKeepAlives: 2 });
    const gone = await RawPeer.greet(node.address, { from: 2 });
    const alive = await RawPeer.greet(node.address, { from: 3 });
    for (let beat = 0; beat < 3; beat += 1) {
      const { bytesReceived } = node.transport.stats();
      alive.record(RECORD_KIND.beat, bytes(""));
      await until(() => node.transport.stats().bytesReceived > bytesReceived);
      node.clock.advance(100);
    }
    await until(() => gone.isClosed);
    expect([node.faults, alive.isClosed]).toEqual([["peer-silent"], false]);
  });

  test("a node that dials again takes the place of its older self", async () => {
    const node = await startNode();
    const [older, newer] = [await RawPeer.greet(node.address), await RawPeer.greet(node.address)];
    await until(() => older.isClosed);
    newer.record(RECORD_KIND.frame, bytes("me"));
    await until(() => node.frames.length === 1);
    expect(node.faults).toEqual(["displaced"]);
  });
});

describe("peers that are not what they seem, seen by the end that dials", () => {
  async function dialled(options: TcpTransportOptions = {}) {
    const server = await startServer();
    const node = await startNode({ peers: { 2: server.address }, ...options });
    await until(() => server.peers.length === 1);
    return { server, node };
  }

  const welcome = (from: number, to = 1): Buffer =>
    encodeWelcome({ version: 1, verdict: "welcome", from, to });

  test("one that accepts and never answers is given up, and dialled again", async () => {
    const { server, node } = await dialled({ handshakeTimeoutMs: 1000, minRedialMs: 50 });
    expect(node.transport.send(PEER, bytes("x"))).toBe(false);
    node.clock.advance(1001);
    await until(() => node.faults.length === 1);
    expect(node.faults).toEqual(["handshake-timeout"]);
    await until(() => {
      node.clock.advance(1);
      return server.peers.length === 2;
    });
  });

  test("one that answers for another node, or to another, or in another tongue", async () => {
    const answers = [
      [welcome(3), "wrong-node"],
      [welcome(2, 9), "bad-handshake"],
      [bytes("HTTP/1.1 400 Bad Request"), "bad-magic"],
      [encodeWelcome({ version: 1, verdict: "wrong-cluster", from: 2, to: 1 }), "wrong-cluster"],
    ] as const;
    for (const [answer, fault] of answers) {
      const { server, node } = await dialled();
      server.peers[0]?.say(answer);
      await until(() => node.faults.length === 1);
      expect([node.faults, node.states]).toEqual([[fault], []]);
    }
  });

  test("one that falls silent goes down; signs of life alone keep it up", async () => {
    const { server, node } = await dialled({ keepAliveMs: 100, maxSilentKeepAlives: 3 });
    const peer = server.peers[0]!;
    peer.say(welcome(2));
    await until(() => node.states.length === 1);
    for (let beat = 0; beat < 9; beat += 1) {
      const { bytesReceived } = node.transport.stats();
      peer.record(RECORD_KIND.beat, bytes(""));
      await until(() => node.transport.stats().bytesReceived > bytesReceived);
      node.clock.advance(100);
    }
    expect(node.states).toEqual(["2:up"]);
    for (let beat = 0; beat < 3; beat += 1) node.clock.advance(100);
    await until(() => node.states.length === 2);
    expect([node.states[1], node.faults]).toEqual(["2:down", ["peer-silent"]]);
    expect(node.transport.send(PEER, bytes("x"))).toBe(false);
  });

  test("a process that stood still does not take its peers for dead", async () => {
    const { server, node } = await dialled({ keepAliveMs: 100, maxSilentKeepAlives: 3 });
    server.peers[0]?.say(welcome(2));
    await until(() => node.states.length === 1);
    node.stoodStillMs = 60_000;
    node.clock.advance(100);
    expect([node.states, node.faults]).toEqual([["2:up"], []]);
  });

  test("one that speaks where only this end may", async () => {
    const { server, node } = await dialled();
    server.peers[0]?.say(welcome(2));
    server.peers[0]?.record(RECORD_KIND.frame, bytes("x"));
    await until(() => node.states.length === 2);
    expect([node.faults, node.frames]).toEqual([["unexpected-record"], []]);
  });

  test("one that does not read fills the queue, which then refuses", async () => {
    const { server, node } = await dialled({ maxQueuedBytes: 1024 * 1024 });
    const peer = server.peers[0]!;
    peer.say(welcome(2));
    await until(() => node.states.length === 1);
    peer.socket.pause();
    const frame = new Uint8Array(64 * 1024);
    let taken = 0;
    while (node.transport.send(PEER, frame)) {
      taken += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(node.transport.queuedBytes(PEER)).toBeLessThanOrEqual(1024 * 1024);
    expect(node.faults).toEqual(["queue-full"]);
    peer.socket.resume();
    await until(() => peer.received.length >= taken * frame.length);
    expect(node.transport.send(PEER, frame)).toBe(true);
  });
});
