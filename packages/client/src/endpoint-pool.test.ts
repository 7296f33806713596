import { beforeEach, describe, expect, test } from "vitest";
import { FakeTransport, zeroes } from "../test/fakes/fake-transport.js";
import { settle, VirtualClock } from "../test/fakes/virtual-clock.js";
import { parseEndpoint } from "./endpoint-address.js";
import { ConnectFailure, EndpointPool } from "./endpoint-pool.js";

let clock: VirtualClock;
let transport: FakeTransport;

beforeEach(() => {
  clock = new VirtualClock();
  transport = new FakeTransport();
});

function poolOf(...names: string[]): EndpointPool {
  const ports = { clock, random: zeroes, transport };
  return new EndpointPool(names.map(parseEndpoint), ports, {
    connectTimeoutMs: 1_000,
    onLeader: () => {},
    logger: () => {},
  });
}

/** What a promise came to, once the clock has been moved. */
async function resultOf<T>(promise: Promise<T>, advanceMs = 0): Promise<T | Error | "pending"> {
  let result: T | Error | "pending" = "pending";
  promise.then(
    (value) => {
      result = value;
    },
    (error: Error) => {
      result = error;
    },
  );
  await clock.advance(advanceMs);
  return result;
}

test("nothing is dialled before it is needed, and then one endpoint only", async () => {
  const pool = poolOf("a", "b");
  expect(pool.current()).toBeUndefined();
  expect(transport.dialled).toEqual([]);
  const { link } = await pool.connect();
  expect(link.endpoint.address).toBe("a:7420");
  expect(pool.current()?.link).toBe(link);
  expect(transport.dialled).toEqual(["a:7420"]);
});

test("a link that is up is not connected again", async () => {
  transport.reach.set("a:7420", "silent");
  const pool = poolOf("a", "b");
  const round = pool.connect();
  await clock.advance(100);
  pool.routeIfUp("b:7420");
  await clock.advance(400);
  await round;
  expect(transport.dialled).toEqual(["a:7420", "b:7420"]);
  pool.close();
  expect(transport.open).toBe(0);
});

test("ten thousand waiting calls make one attempt", async () => {
  const pool = poolOf("a");
  await Promise.all(Array.from({ length: 10_000 }, () => pool.connect()));
  expect(transport.dialled).toEqual(["a:7420"]);
  expect(transport.open).toBe(1);
});

test("a refusal moves on to the next endpoint at once", async () => {
  transport.reach.set("a:7420", "refused");
  const pool = poolOf("a", "b");
  const { link } = await pool.connect();
  expect(link.endpoint.address).toBe("b:7420");
  expect(pool.current()?.link).toBe(link);
});

test("a silent endpoint gets competition after 250 ms", async () => {
  transport.reach.set("a:7420", "silent");
  const pool = poolOf("a", "b");
  const connecting = pool.connect();
  expect(await resultOf(connecting, 249)).toBe("pending");
  expect(await resultOf(connecting, 1)).toMatchObject({ link: { endpoint: { host: "b" } } });
  expect(pool.current()?.link.endpoint.host).toBe("b");
});

test("when every endpoint fails, the error names each with its reason", async () => {
  transport.reach.set("a:7420", "refused").set("b:7420", "silent");
  const failed = await resultOf(poolOf("a", "b").connect(), 2_000);
  expect(failed).toBeInstanceOf(ConnectFailure);
  expect((failed as Error).message).toBe(
    "cannot connect to a:7420 (connect ECONNREFUSED), b:7420 (no answer within 1000 ms)",
  );
});

describe("an endpoint that failed is left alone", () => {
  test("until its back-off ends, which doubles up to a second", async () => {
    transport.reach.set("a:7420", "refused");
    const pool = poolOf("a");
    const waits: number[] = [];
    let last = 0;
    for (let round = 0; round < 8; round++) {
      const connecting = pool.connect().catch(() => "failed");
      let waitedMs = 0;
      while ((await resultOf(connecting)) === "pending") {
        await clock.advance(1);
        waitedMs += 1;
      }
      waits.push(waitedMs);
      expect(transport.dialled.length).toBe(last + 1);
      last = transport.dialled.length;
    }
    // Half of the ceiling, as the dice fall on 0: base 50, doubling, at most 1,000.
    expect(waits).toEqual([0, 25, 50, 100, 200, 400, 500, 500]);
  });

  test("while others are tried", async () => {
    transport.reach.set("a:7420", "refused").set("b:7420", "refused");
    const pool = poolOf("a", "b");
    await expect(pool.connect()).rejects.toThrow(ConnectFailure);
    transport.reach.set("b:7420", "up");
    const connecting = pool.connect();
    expect(await resultOf(connecting, 25)).toMatchObject({ link: { endpoint: { host: "b" } } });
  });

  test("for as long as one failure asks, however many calls met it", async () => {
    const pool = poolOf("a");
    const { link, connection } = await pool.connect();
    for (let n = 0; n < 1_000; n++) link.broke(connection, "cut");
    expect(link.retryAtMs - clock.monotonicMs()).toBe(25);
    expect(transport.open).toBe(0);
  });

  test("and starts afresh once a call on it succeeds", async () => {
    const pool = poolOf("a");
    const waits: number[] = [];
    for (let n = 0; n < 4; n++) {
      await clock.advance(1_000);
      const { link, connection } = await pool.connect();
      if (n === 3) link.heard();
      link.broke(connection, "cut");
      waits.push(link.retryAtMs - clock.monotonicMs());
    }
    expect(waits).toEqual([25, 50, 100, 25]);
  });
});

test("a connection that breaks is replaced by one to the next endpoint", async () => {
  const pool = poolOf("a", "b", "c");
  await pool.connect();
  transport.cut("a:7420");
  expect(pool.current()).toBeUndefined();
  const { link } = await pool.connect();
  expect(link.endpoint.host).toBe("b");
});

test("turning from an endpoint prefers the next, without dropping the first", async () => {
  const pool = poolOf("a", "b");
  const first = await pool.connect();
  pool.turnFrom(first.link);
  expect(pool.current()?.link.endpoint.host).toBe("a");
  await pool.routeTo("b:7420");
  pool.turnFrom(first.link);
  expect(pool.current()?.link.endpoint.host).toBe("b");
  expect(transport.open).toBe(2);
});

test("one endpoint can be asked for by its address", async () => {
  const pool = poolOf("a", "b");
  await pool.connect();
  expect((await pool.routeTo("b:7420"))?.link.endpoint.host).toBe("b");
  expect(pool.routeTo("c:7420")).toBeUndefined();
});

describe("close", () => {
  test("drops connections and ends attempts and waits", async () => {
    transport.reach.set("b:7420", "silent");
    const pool = poolOf("a");
    await pool.connect();
    pool.close();
    expect(transport.open).toBe(0);

    const connecting = poolOf("b");
    const attempt = connecting.connect();
    await settle();
    connecting.close();
    await expect(attempt).rejects.toThrow(ConnectFailure);

    transport.reach.set("c:7420", "refused");
    const waiting = poolOf("c");
    await expect(waiting.connect()).rejects.toThrow(ConnectFailure);
    const wait = waiting.connect();
    waiting.close();
    await expect(wait).rejects.toThrow(ConnectFailure);
    expect(clock.pending).toBe(0);
  });
});
