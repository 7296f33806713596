import { Change, ChangeKind, type WatchRequest, type WatchResponse } from "@titan/proto";
import { describe, expect, test } from "vitest";
import { TitanClient, type WatchEvent } from "../src/index.js";
import { FakeTransport, type Frames, failure, zeroes } from "./fakes/fake-transport.js";
import { afterTest } from "./fakes/harness.js";
import { settle, VirtualClock } from "./fakes/virtual-clock.js";

const TIMEOUT_MS = 1_000;
const SHARD = 3;

function put(key: string, revision: number): Change {
  const entry = { key: Buffer.from(key), value: Buffer.from(`v${revision}`), revision };
  return Change.fromPartial({ kind: ChangeKind.PUT, entry, shard: SHARD });
}

function frame(changes: readonly Change[], revision?: number): WatchResponse {
  const progress = revision === undefined ? [] : [{ shard: SHARD, revision }];
  return { changes: [...changes], progress, compacted: undefined };
}

/** A client of two nodes, each stream of which is told what the next of `streams` says. */
function rig(...streams: ((request: WatchRequest) => Frames)[]) {
  const clock = new VirtualClock();
  const transport = new FakeTransport();
  const requests: WatchRequest[] = [];
  const state = { openStreams: 0 };
  transport.frames = async function* (_address, request, signal) {
    requests.push(request);
    state.openStreams += 1;
    signal.addEventListener("abort", () => {
      state.openStreams -= 1;
    });
    yield* streams[requests.length - 1]?.(request) ?? ["silence" as const];
  };
  const endpoints = ["a", "b"];
  const options = { endpoints, timeoutMs: TIMEOUT_MS, maxConcurrentWatches: 2 };
  const client = new TitanClient(options, { clock, random: zeroes, transport });
  afterTest(() => client.close());
  return { client, clock, transport, requests, state };
}

/** The next `count` events; time passes until they are there. */
async function take<Event>(
  events: AsyncIterator<Event>,
  count: number,
  clock: VirtualClock,
): Promise<Event[]> {
  const taken: Event[] = [];
  for (let i = 0; i < count; i += 1) {
    const state = { isThere: false };
    const next = events.next().finally(() => {
      state.isThere = true;
    });
    next.catch(() => undefined);
    for (await settle(); !state.isThere; ) await clock.advance(100);
    const result = await next;
    if (result.done === true) throw new Error("the watch has ended");
    taken.push(result.value);
  }
  return taken;
}

function keysOf(events: readonly WatchEvent<string>[]): readonly string[] {
  return events.map((event) => (event.type === "progress" ? "-" : event.key));
}

describe("what is told", () => {
  test("comes in order, with what each event has", async () => {
    const entry = { key: Buffer.from("b"), revision: 9 };
    const { client, clock } = rig(() => [
      frame([], 7),
      frame(
        [
          { ...put("a", 8), entry: { ...put("a", 8).entry!, ttlMs: 50 } },
          Change.fromPartial({ kind: ChangeKind.DELETE, entry, shard: SHARD }),
          Change.fromPartial({ kind: ChangeKind.EXPIRE, entry, shard: SHARD }),
        ],
        9,
      ),
      "silence",
    ]);
    expect(await take(client.watch(), 4, clock)).toEqual([
      { type: "progress", position: [{ shard: SHARD, revision: 7 }] },
      { type: "put", shard: SHARD, key: "a", value: "v8", revision: 8, ttlMs: 50 },
      { type: "delete", shard: SHARD, key: "b", revision: 9 },
      { type: "expire", shard: SHARD, key: "b", revision: 9 },
    ]);
  });

  test("is taken when the next event is asked for, and can be gone on behind", async () => {
    const { client, clock, requests } = rig(
      () => [frame([put("a", 8), put("b", 9)], 9), frame([], 12), "silence"],
      () => ["silence"],
    );
    const from = [{ shard: SHARD, revision: 7 }];
    const watch = client.watch({ from });
    await take(watch, 2, clock);
    expect(watch.position).toEqual(from);
    await take(watch, 1, clock);
    expect(watch.position).toEqual([{ shard: SHARD, revision: 9 }]);
    await watch.return?.();
    const position: unknown = JSON.parse(JSON.stringify(watch.position));
    const next = client.watch({ from: position as typeof from }).next();
    next.catch(() => undefined);
    await settle();
    expect(requests.map((request) => request.from)).toEqual([from, watch.position]);
  });

  test("is asked for as the options say", async () => {
    const { client, requests } = rig();
    const people = client.keyspace("people");
    const watches = [
      people.watch({ key: "k", progressIntervalMs: 700 }),
      people.watch({ prefix: "p", end: "q", keysOnly: true }),
    ];
    for (const watch of watches) {
      watch.next().catch(() => undefined);
      await settle();
    }
    const bounds = ({ range }: WatchRequest) =>
      [range?.prefix, range?.start, range?.end].map((bytes) => Buffer.from(bytes ?? []).toString());
    expect(requests.map(bounds)).toEqual([
      ["", "k", "k\0"],
      ["p", "", "q"],
    ]);
    expect(requests).toMatchObject([
      { keyspace: "people", from: [], progressIntervalMs: 700, keysOnly: false },
      { keyspace: "people", from: [], progressIntervalMs: 5_000, keysOnly: true },
    ]);
  });

  test("has no values with keysOnly, and is refused when it is of an unknown kind", async () => {
    const { client, clock } = rig(
      () => [frame([put("a", 8)], 8)],
      () => [frame([{ ...put("a", 8), kind: ChangeKind.UNSPECIFIED }], 8)],
    );
    const [event] = await take(client.watch({ keysOnly: true }), 1, clock);
    expect(event).toEqual({ type: "put", shard: SHARD, key: "a", revision: 8 });
    await expect(client.watch().next()).rejects.toMatchObject({ code: "CLIENT_PROTOCOL" });
  });

  for (const [options, message] of [
    [{ key: "k", prefix: "p" }, "key goes without"],
    [{ from: [{ shard: -1, revision: 0 }] }, "from: shard"],
    [{ progressIntervalMs: 99 }, "progressIntervalMs"],
    [{ giveUpAfterMs: 0 }, "giveUpAfterMs"],
  ] as const) {
    test(`is nothing for wrong options: ${message}`, async () => {
      const { client, requests } = rig();
      await expect(client.watch(options).next()).rejects.toThrow(message);
      expect(requests).toEqual([]);
    });
  }
});

describe("a stream that ends is followed by one that begins where all had been told", () => {
  for (const [how, end] of [
    ["well", []],
    ["with a failure", [failure(14, "NOT_SERVING")]],
    ["with a lost connection", [failure(14)]],
    ["silently", ["silence"]],
  ] as const) {
    test(how, async () => {
      const { client, clock, requests, state } = rig(
        // The second half of revision 9 is still to come.
        () => [frame([put("a", 8)], 8), frame([put("b", 9)]), ...end],
        () => [frame([put("b", 9), put("c", 9)], 9), "silence"],
      );
      const watch = client.watch({ progressIntervalMs: 500 });
      expect(keysOf(await take(watch, 3, clock))).toEqual(["a", "b", "c"]);
      expect(requests.map(({ from }) => from)).toEqual([[], [{ shard: SHARD, revision: 8 }]]);
      expect(state.openStreams).toBe(1);
    });
  }

  test("on another node when one is silent for longer than it may", async () => {
    const { client, clock, transport } = rig(
      () => [frame([], 8), "silence"],
      () => [frame([put("a", 9)], 9), "silence"],
    );
    const watch = client.watch({ progressIntervalMs: 500 });
    await take(watch, 1, clock);
    const next = watch.next();
    await clock.advance(500 + TIMEOUT_MS - 1);
    expect(transport.sent).toEqual(["a:7420"]);
    await clock.advance(2_000);
    expect((await next).value).toMatchObject({ key: "a" });
    expect(transport.sent).toEqual(["a:7420", "b:7420"]);
  });

  test("time that the reader takes counts for neither", async () => {
    const { client, clock, requests } = rig(() => [
      frame([], 8),
      frame([put("a", 9)], 9),
      "silence",
    ]);
    const watch = client.watch({ giveUpAfterMs: 5_000 });
    await take(watch, 1, clock);
    await clock.advance(3_600_000);
    expect(keysOf(await take(watch, 1, clock))).toEqual(["a"]);
    expect(requests.length).toBe(1);
  });
});

describe("a watch ends", () => {
  test("when its history is gone, and says from where there is some", async () => {
    const oldest = [{ shard: SHARD, revision: 40 }];
    const { client } = rig(() => [{ changes: [], progress: [], compacted: { oldest } }]);
    const watch = client.watch({ from: [{ shard: SHARD, revision: 2 }] });
    await expect(watch.next()).rejects.toMatchObject({
      code: "CLIENT_COMPACTED",
      metadata: { oldest: JSON.stringify(oldest) },
    });
    expect((await watch.next()).done).toBe(true);
  });

  test("with a failure that stays", async () => {
    const { client } = rig(() => [failure(5, "KEYSPACE_UNKNOWN")]);
    await expect(client.watch().next()).rejects.toMatchObject({ code: "CLIENT_NOT_FOUND" });
  });

  test("when nobody says a word for giveUpAfterMs", async () => {
    const { client, clock, transport } = rig();
    for (const address of ["a:7420", "b:7420"]) transport.reach.set(address, "refused");
    let ended: unknown;
    client
      .watch({ giveUpAfterMs: 20_000 })
      .next()
      .catch((error: unknown) => {
        ended = error;
      });
    await clock.advance(19_000);
    expect(ended).toBeUndefined();
    await clock.advance(5_000);
    expect(ended).toMatchObject({ code: "CLIENT_UNAVAILABLE" });
    expect(transport.dialled.length).toBeGreaterThan(10);
  });

  test("when it is left, and its stream with it", async () => {
    const { client, clock, state } = rig(() => [frame([put("a", 8)], 8), "silence"]);
    for await (const event of client.watch()) {
      expect(event.type).toBe("put");
      break;
    }
    expect(state.openStreams).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test("at once when it is disposed of while it waits for an event", async () => {
    const { client, clock, state } = rig();
    const watch = client.watch();
    const waiting = watch.next();
    await settle();
    await watch[Symbol.asyncDispose]();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(state.openStreams).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test("when its signal fires, or the client closes", async () => {
    const { client, clock } = rig();
    const controller = new AbortController();
    const aborted = client.watch({ signal: controller.signal }).next();
    const closed = client.watch().next();
    aborted.catch(() => undefined);
    closed.catch(() => undefined);
    await settle();
    controller.abort();
    await client.close();
    await expect(aborted).rejects.toMatchObject({ code: "CLIENT_ABORTED" });
    await expect(closed).rejects.toMatchObject({ code: "CLIENT_CLOSED" });
    expect(clock.pending).toBe(0);
  });

  test("before it has begun when there are too many", async () => {
    const { client } = rig();
    const watches = [client.watch(), client.watch()];
    for (const watch of watches) watch.next().catch(() => undefined);
    await settle();
    await expect(client.watch().next()).rejects.toMatchObject({ code: "CLIENT_OVERLOADED" });
  });
});
