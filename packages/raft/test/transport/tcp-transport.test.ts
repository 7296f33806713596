import { createServer } from "node:net";
import type { PeerCertificate } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import { toNodeId } from "../../src/core/index.js";
import { encodeWelcome } from "../../src/transport/tcp-handshake.js";
import type { TcpTransportOptions } from "../../src/transport/tcp-options.js";
import { RawServer, until } from "./support/raw-peer.js";
import { TcpNode } from "./support/tcp-node.js";
import { TLS_FIXTURE } from "./support/tls-fixture.js";

const [A, B] = [toNodeId(1), toNodeId(2)];
const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startNode(options: TcpTransportOptions = {}, id = 1): Promise<TcpNode> {
  const node = await TcpNode.start(options, id);
  closers.push(() => node.transport.close());
  return node;
}

async function startPair(options: TcpTransportOptions = {}) {
  const [a, b] = [await startNode(options, 1), await startNode(options, 2)];
  a.transport.setPeer(B, b.address);
  b.transport.setPeer(A, a.address);
  await until(() => a.states.length === 1 && b.states.length === 1);
  return { a, b };
}

test("frames of one turn leave as one piece", async () => {
  const server = await RawServer.listen();
  closers.push(() => server.close());
  const node = await startNode({ peers: { 2: server.address } });
  await until(() => server.peers.length === 1);
  const peer = server.peers[0]!;
  peer.say(encodeWelcome({ version: 1, verdict: "welcome", from: 2, to: 1 }));
  await until(() => node.states.length === 1);
  let pieces = 0;
  peer.socket.on("data", () => {
    pieces += 1;
  });
  for (let count = 0; count < 100; count += 1) node.transport.send(B, bytes("frame"));
  const { bytesSent } = node.transport.stats();
  await until(() => node.transport.stats().bytesSent === bytesSent + 100 * 13);
  await until(() => peer.received.length >= 100 * 13);
  expect(pieces).toBe(1);
});

describe("dialling again", () => {
  /** Virtual milliseconds between one try and the next, of a port where nobody answers for long. */
  async function pauses(isLucky: boolean): Promise<number[]> {
    const server = await RawServer.listen();
    closers.push(() => server.close());
    const options = { peers: { 2: server.address }, minRedialMs: 50, maxRedialMs: 400 };
    const node = await startNode(options);
    node.isLucky = isLucky;
    const found: number[] = [];
    for (let tries = 1; tries <= 6; tries += 1) {
      await until(() => server.peers.length === tries);
      server.peers[tries - 1]?.hangUp();
      let waited = 0;
      for (; server.peers.length === tries; waited += 1) {
        const { timerCount } = node.clock;
        node.clock.advance(1);
        // The turn of the timer that dials: let the connection come.
        if (node.clock.timerCount < timerCount) await until(() => server.peers.length > tries);
        else await new Promise((resolve) => setImmediate(resolve));
      }
      found.push(waited);
    }
    return found;
  }

  test("is ever more patient, up to a limit", async () => {
    const found = await pauses(false);
    for (const [at, wantedMs] of [50, 100, 200, 400, 400].entries()) {
      expect(found[at]).toBeGreaterThanOrEqual(wantedMs);
      expect(found[at]).toBeLessThan(wantedMs + 40);
    }
  });

  test("differs by chance, so that nodes do not dial in step", async () => {
    const found = await pauses(true);
    for (const [at, wantedMs] of [25, 50, 100, 200, 200].entries()) {
      expect(found[at]).toBeGreaterThanOrEqual(wantedMs);
      expect(found[at]).toBeLessThan(wantedMs + 40);
    }
  });

  test("does not wait when the peer has been heard of", async () => {
    const { a, b } = await startPair();
    const { address } = b;
    await b.transport.close();
    await until(() => a.states.length === 2);
    // Many failures later it would be dialled every two seconds.
    for (let step = 0; step < 200; step += 1) {
      a.clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const again = await startNode({ peers: { 1: a.address } }, 2);
    a.transport.setPeer(B, address);
    await until(() => again.states.length === 1);
    a.transport.setPeer(B, again.address);
    await until(() => a.states.length === 3);
    expect(a.states).toEqual(["2:up", "2:down", "2:up"]);
  });
});

describe("streams", () => {
  test("a receiver that vanishes cuts them, and one that is silent as well", async () => {
    const { a, b } = await startPair({ keepAliveMs: 100, maxSilentKeepAlives: 2 });
    let failure: unknown;
    let received = 0;
    b.streamWork = async (_from, _header, chunks) => {
      try {
        for await (const chunk of chunks) received += chunk.length;
      } catch (error) {
        failure = error;
      }
    };
    const stream = await a.transport.openStream(B, bytes("head"));
    await stream.write(bytes("part"));
    await until(() => received === 4);
    // Only the receiver's clock runs: to it, the sender is silent.
    for (let beat = 0; beat < 3; beat += 1) b.clock.advance(100);
    await until(() => failure !== undefined);
    expect(failure).toMatchObject({ code: "RAFT_TRANSPORT_STREAM_CUT" });
    await expect(stream.end()).rejects.toMatchObject({ code: "RAFT_TRANSPORT_STREAM_CUT" });
  });

  test("one that waits for a busy receiver is not taken for dead", async () => {
    const { a, b } = await startPair({ keepAliveMs: 100, maxSilentKeepAlives: 2 });
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let received = 0;
    let isBusy = false;
    b.streamWork = async (_from, _header, chunks) => {
      for await (const chunk of chunks) {
        isBusy = true;
        await gate;
        received += chunk.length;
      }
    };
    const stream = await a.transport.openStream(B, bytes("head"));
    const work = stream.write(new Uint8Array(16 * 1024 * 1024)).then(() => stream.end());
    await until(() => isBusy);
    const heard = (node: TcpNode): number => node.transport.stats().bytesReceived;
    // Each beat of b comes on both of its ways to a: the link, and the stream.
    for (let beat = 0; beat < 20; beat += 1) {
      const before = heard(a);
      b.clock.advance(100);
      await until(() => heard(a) >= before + 16);
      a.clock.advance(100);
    }
    release();
    await work;
    expect(received).toBe(16 * 1024 * 1024);
  });

  test("as many as allowed; one that ends makes room", async () => {
    const { a, b } = await startPair({ maxStreamsPerPeer: 1 });
    b.streamWork = async (_from, _header, chunks) => {
      for await (const _ of chunks) continue;
    };
    const first = await a.transport.openStream(B, bytes("1"));
    const second = a.transport.openStream(B, bytes("2"));
    await expect(second).rejects.toMatchObject({ code: "RAFT_TRANSPORT_STREAM_LIMIT" });
    await first.end();
    await (await a.transport.openStream(B, bytes("3"))).end();
  });

  test("a node that does not listen is unreachable; one that is removed meanwhile, too", async () => {
    const free = createServer().listen(0, "127.0.0.1");
    await until(() => free.listening);
    const { port } = free.address() as { port: number };
    await new Promise((resolve) => free.close(resolve));
    const node = await startNode({ peers: { 2: `127.0.0.1:${port}` } });
    const opening = node.transport.openStream(B, bytes("x"));
    await expect(opening).rejects.toMatchObject({ code: "RAFT_TRANSPORT_UNREACHABLE" });
    const silent = await RawServer.listen();
    closers.push(() => silent.close());
    node.transport.setPeer(B, silent.address);
    const hanging = node.transport.openStream(B, bytes("x"));
    node.transport.removePeer(B);
    await expect(hanging).rejects.toMatchObject({ code: "RAFT_TRANSPORT_UNREACHABLE" });
    node.transport.setPeer(B, silent.address);
    const closing = node.transport.openStream(B, bytes("x"));
    await node.transport.close();
    await expect(closing).rejects.toMatchObject({ code: "RAFT_TRANSPORT_CLOSED" });
  });
});

describe("TLS", () => {
  const { ca, node1, node2, stranger } = TLS_FIXTURE;
  const tlsOf = (own: { readonly key: string; readonly cert: string }): TcpTransportOptions => ({
    tls: { ca, ...own, servername: "titan-test" },
  });

  test("both ends show a certificate, and frames and streams go through", async () => {
    const [a, b] = [await startNode(tlsOf(node1), 1), await startNode(tlsOf(node2), 2)];
    a.transport.setPeer(B, b.address);
    b.transport.setPeer(A, a.address);
    await until(() => a.states.length === 1 && b.states.length === 1);
    a.transport.send(B, bytes("secret"));
    await until(() => b.frames.length === 1);
    let received = 0;
    b.streamWork = async (_from, _header, chunks) => {
      for await (const chunk of chunks) received += chunk.length;
    };
    const stream = await a.transport.openStream(B, bytes("head"));
    await stream.write(new Uint8Array(1_000_000));
    await stream.end();
    expect([b.frames, received]).toEqual([["1:secret"], 1_000_000]);
  });

  test("who shows none, or another authority's, does not come in", async () => {
    const a = await startNode(tlsOf(node1), 1);
    const plain = await startNode({ peers: { 1: a.address } }, 3);
    await until(() => a.faults.length === 1);
    const other = await startNode({ ...tlsOf(stranger), peers: { 1: a.address } }, 4);
    await until(() => a.faults.length === 2);
    expect([a.faults, a.frames]).toEqual([["unauthorized", "unauthorized"], []]);
    expect([plain.states, other.states]).toEqual([[], []]);
  });

  test("a valid certificate of another node is refused by `authorize`, at both ends", async () => {
    const authorize = (peer: number, { subject }: PeerCertificate): boolean =>
      subject.CN === `node${peer}`;
    const strict = (own: { readonly key: string; readonly cert: string }): TcpTransportOptions => {
      const { tls } = tlsOf(own);
      return { tls: { ...tls, authorize } };
    };
    const a = await startNode(strict(node1), 1);
    const liar = await startNode({ ...tlsOf(node1), peers: { 1: a.address } }, 2);
    a.transport.setPeer(B, liar.address);
    await until(() => a.faults.length === 2);
    expect(a.faults).toEqual(["unauthorized", "unauthorized"]);
    await until(() => liar.faults.includes("unauthorized"));
    const b = await startNode({ ...strict(node2), peers: { 1: a.address } }, 2);
    await until(() => b.states.length === 1);
  });

  test("an `authorize` that throws refuses, at both ends, and harms nothing else", async () => {
    const authorize = (): boolean => {
      throw new Error("no such field");
    };
    const a = await startNode({ tls: { ...tlsOf(node1).tls, authorize } }, 1);
    const b = await startNode({ ...tlsOf(node2), peers: { 1: a.address } }, 2);
    a.transport.setPeer(B, b.address);
    await until(() => a.faults.length >= 2);
    expect(new Set(a.faults)).toEqual(new Set(["unauthorized"]));
    expect(a.states).toEqual([]);
  });
});
