/**
 * What every implementation of the {@link Transport} port has to do. Asserts with `node:assert` and
 * takes the runner's `test`, so it runs under any runner.
 */

import assert from "node:assert/strict";
import { type NodeId, toNodeId } from "../core/ids.js";
import type { PeerState, Transport, TransportHandler } from "../transport/transport.js";
import type { RegisterTest } from "./conformance-case.js";
/** A network to examine, without nodes. */
export interface TransportSubject {
  /** A transport of node `id`, not started. */
  create(id: number): Transport;
  /** Where a started transport is reached. */
  addressOf(transport: Transport): string;
  /** Lets a little time go by, a few milliseconds or a step of a virtual clock. */
  pass(): Promise<void>;
  /** Ends what the subject itself holds; all transports are closed before. */
  close(): Promise<void>;
}

class Recorder implements TransportHandler {
  readonly frames: string[] = [];
  readonly states: string[] = [];
  streamWork: TransportHandler["onStream"] = async () => undefined;
  onFrame(from: NodeId, frame: Uint8Array): void {
    this.frames.push(`${from}:${Buffer.from(frame).toString("latin1")}`);
  }
  onPeerState(peer: NodeId, state: PeerState): void {
    this.states.push(`${peer}:${state}`);
  }
  async onStream(from: NodeId, header: Uint8Array, chunks: AsyncIterable<Uint8Array>) {
    await this.streamWork(from, header, chunks);
  }
}

interface Pair {
  readonly subject: TransportSubject;
  readonly a: Transport;
  readonly b: Transport;
  readonly atA: Recorder;
  readonly atB: Recorder;
}

const A = toNodeId(1);
const B = toNodeId(2);
const STRANGER = toNodeId(9);
const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

async function until(subject: TransportSubject, what: string, isSo: () => boolean): Promise<void> {
  for (let left = 3000; left > 0 && !isSo(); left -= 1) await subject.pass();
  assert.ok(isSo(), `in vain waited until ${what}`);
}

async function settle<T>(subject: TransportSubject, work: Promise<T>): Promise<T> {
  let isSettled = false;
  const mark = (): void => {
    isSettled = true;
  };
  work.then(mark, mark);
  await until(subject, "a promise settled", () => isSettled);
  return work;
}

async function assertCode(subject: TransportSubject, work: Promise<unknown>, code: string) {
  const failure: unknown = await settle(subject, work).then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(
    failure instanceof Error && "code" in failure,
    `expected ${code}, got ${String(failure)}`,
  );
  assert.equal(failure.code, code);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const chunk of chunks) found.push(chunk);
  return Buffer.concat(found);
}

const cases: readonly [title: string, body: (pair: Pair) => Promise<void>][] = [
  [
    "a frame arrives as it was sent, with the sender's id, in both directions",
    async ({ subject, a, b, atA, atB }) => {
      assert.equal(a.send(B, bytes("to b")), true);
      assert.equal(b.send(A, bytes("to a")), true);
      await until(subject, "both came", () => atA.frames.length + atB.frames.length === 2);
      assert.deepEqual([atA.frames, atB.frames], [["2:to a"], ["1:to b"]]);
    },
  ],
  [
    "frames of one turn and of every size arrive whole",
    async ({ subject, a, atB }) => {
      const texts = [1, 2, 11, 12, 13, 4096, 65_535, 65_536, 200_000].map((n) => "x".repeat(n));
      for (const text of texts) assert.equal(a.send(B, bytes(text)), true);
      await until(subject, "all came", () => atB.frames.length === texts.length);
      const sizes = atB.frames.map((frame) => frame.length - 2).sort((x, y) => x - y);
      assert.deepEqual(
        sizes,
        texts.map((text) => text.length),
      );
      await until(subject, "the queue is empty", () => a.queuedBytes(B) === 0);
    },
  ],
  [
    "no handler runs within send",
    async ({ subject, a, atB }) => {
      a.send(B, bytes("later"));
      assert.deepEqual(atB.frames, []);
      await until(subject, "it came", () => atB.frames.length === 1);
    },
  ],
  [
    "a frame to a stranger, and an empty one, is refused",
    async ({ a }) => {
      assert.equal(a.send(STRANGER, bytes("x")), false);
      assert.equal(a.send(B, new Uint8Array(0)), false);
      assert.equal(a.queuedBytes(STRANGER), 0);
    },
  ],
  [
    "a frame above the limit is refused, and one of the limit's size arrives",
    async ({ subject, a, atB }) => {
      const limit = a.maxFrameBytes;
      assert.ok(limit >= 1);
      // Beyond that it is no bound to meet in a test.
      if (limit > 64 * 1024 * 1024) return;
      assert.equal(a.send(B, new Uint8Array(limit + 1)), false);
      assert.equal(a.send(B, bytes("x".repeat(limit))), true);
      await until(subject, "it came", () => atB.frames.length === 1);
      assert.equal(atB.frames[0]?.length, limit + 2);
    },
  ],
  [
    "a full queue refuses frames instead of growing, and drains",
    async ({ subject, a, atB }) => {
      const frame = new Uint8Array(1024 * 1024);
      let taken = 0;
      while (taken < 4096 && a.send(B, frame.slice())) taken += 1;
      assert.ok(taken >= 1 && taken < 4096, "a queue of 4 GiB is no bound");
      assert.ok(a.queuedBytes(B) <= taken * frame.length * 2);
      await until(subject, "it drained", () => atB.frames.length === taken);
      assert.equal(a.send(B, bytes("again")), true);
    },
  ],
  [
    "a peer that closes goes down, sends fail, and a new one of its id comes up",
    async ({ subject, a, b, atA, atB }) => {
      assert.deepEqual(atA.states, ["2:up"]);
      await b.close();
      await until(subject, "a noticed", () => atA.states.length === 2);
      assert.equal(atA.states[1], "2:down");
      assert.equal(a.send(B, bytes("x")), false);
      const again = subject.create(2);
      try {
        await settle(subject, again.start(atB));
        a.setPeer(B, subject.addressOf(again));
        await until(subject, "a found it", () => atA.states.length === 3);
        assert.equal(atA.states[2], "2:up");
        assert.equal(a.send(B, bytes("hello again")), true);
        await until(subject, "it came", () => atB.frames.includes("1:hello again"));
      } finally {
        await again.close();
      }
    },
  ],
  [
    "a removed peer goes down and is not sent to",
    async ({ subject, a, atA }) => {
      a.removePeer(B);
      a.removePeer(B);
      assert.equal(a.send(B, bytes("x")), false);
      await until(subject, "a heard", () => atA.states.includes("2:down"));
    },
  ],
  [
    "a stream carries header and bytes in order, and ends when the receiver has taken them",
    async ({ subject, a, atB }) => {
      let found: Buffer = Buffer.alloc(0);
      let heading = "";
      atB.streamWork = async (from, header, chunks) => {
        heading = `${from}:${Buffer.from(header).toString("latin1")}`;
        found = await collect(chunks);
      };
      const stream = await settle(subject, a.openStream(B, bytes("head")));
      const sent = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7) % 251));
      await settle(subject, stream.write(sent.subarray(0, 1)));
      await settle(subject, stream.write(sent.subarray(1, 200_000)));
      await settle(subject, stream.write(sent.subarray(200_000)));
      await settle(subject, stream.end());
      assert.equal(heading, "1:head");
      assert.equal(Buffer.compare(found, sent), 0);
    },
  ],
  [
    "a receiver that fails refuses the stream with its words",
    async ({ subject, a, atB }) => {
      atB.streamWork = async () => {
        throw new Error("no room");
      };
      const stream = await settle(subject, a.openStream(B, bytes("head")));
      const ended = stream.end();
      await assertCode(subject, ended, "RAFT_TRANSPORT_STREAM_REFUSED");
      await assert.rejects(ended, /no room/);
    },
  ],
  [
    "an aborted stream throws at the receiver",
    async ({ subject, a, atB }) => {
      let failure: unknown;
      atB.streamWork = async (_from, _header, chunks) => {
        await collect(chunks).catch((error: unknown) => {
          failure = error;
        });
      };
      const stream = await settle(subject, a.openStream(B, bytes("head")));
      await settle(subject, stream.write(bytes("part")));
      stream.abort();
      stream.abort();
      await until(subject, "the receiver heard", () => failure !== undefined);
      assert.ok(failure instanceof Error && "code" in failure);
      assert.equal(failure.code, "RAFT_TRANSPORT_STREAM_CUT");
      await assertCode(subject, stream.write(bytes("more")), "RAFT_TRANSPORT_STREAM_CUT");
    },
  ],
  [
    "a stream that is not read holds its sender back, and frames pass it by",
    async ({ subject, a, atB }) => {
      let release: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      let received = 0;
      atB.streamWork = async (_from, _header, chunks) => {
        await gate;
        received = (await collect(chunks)).length;
      };
      const stream = await settle(subject, a.openStream(B, bytes("head")));
      const total = 64;
      let written = 0;
      const work = (async () => {
        for (let count = 0; count < total; count += 1) {
          await stream.write(new Uint8Array(1024 * 1024));
          written += 1;
        }
        await stream.end();
      })();
      for (let step = 0; step < 40; step += 1) await subject.pass();
      assert.ok(written < total, "64 MiB were taken from a sender that nobody read");
      a.send(B, bytes("small"));
      await until(subject, "the frame came", () => atB.frames.length === 1);
      release();
      await settle(subject, work);
      assert.equal(received, total * 1024 * 1024);
    },
  ],
  [
    "streams to strangers, and with too large a header, are refused",
    async ({ subject, a }) => {
      await assertCode(subject, a.openStream(STRANGER, bytes("h")), "RAFT_TRANSPORT_NO_PEER");
      await assert.rejects(a.openStream(B, new Uint8Array(65_537)), RangeError);
    },
  ],
  [
    "start works once; a closed transport refuses all and closes again",
    async ({ subject, a, atA }) => {
      await assertCode(subject, a.start(atA), "RAFT_TRANSPORT_STARTED");
      await a.close();
      await a.close();
      assert.equal(a.send(B, bytes("x")), false);
      await assertCode(subject, a.openStream(B, bytes("h")), "RAFT_TRANSPORT_CLOSED");
      await assertCode(subject, a.start(atA), "RAFT_TRANSPORT_CLOSED");
    },
  ],
  [
    "a node is not its own peer",
    async ({ a }) => {
      assert.throws(() => a.setPeer(A, "127.0.0.1:1"), RangeError);
    },
  ],
];

/** Registers the suite for {@link Transport}. `open` makes a fresh network for each test. */
export function transportConformance(suite: {
  readonly test: RegisterTest;
  readonly open: () => Promise<TransportSubject>;
}): void {
  for (const [title, body] of cases) {
    suite.test(title, async () => {
      const subject = await suite.open();
      const [a, b] = [subject.create(1), subject.create(2)];
      const [atA, atB] = [new Recorder(), new Recorder()];
      try {
        await settle(subject, Promise.all([a.start(atA), b.start(atB)]));
        a.setPeer(B, subject.addressOf(b));
        b.setPeer(A, subject.addressOf(a));
        const isUp = (): boolean => atA.states.length === 1 && atB.states.length === 1;
        await until(subject, "both are up", isUp);
        await body({ subject, a, b, atA, atB });
      } finally {
        await Promise.all([a.close(), b.close()]);
        await subject.close();
      }
    });
  }
}
