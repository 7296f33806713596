import { expect, test } from "vitest";
import { type ClientOptions, resolveOptions } from "./options.js";

test("nothing set gives the defaults that the documentation names", () => {
  expect(resolveOptions({})).toEqual({
    endpoints: [{ host: "127.0.0.1", port: 7420, address: "127.0.0.1:7420" }],
    keys: "string",
    timeoutMs: 5_000,
    connectTimeoutMs: 2_000,
    maxConcurrentCalls: 1_024,
    maxQueuedCalls: 65_536,
    maxConcurrentScans: 64,
    maxConcurrentWatches: 256,
    maxMessageBytes: 64 * 1024 * 1024,
    keepaliveMs: 10_000,
    pipelining: true,
    discovery: true,
    exactlyOnce: false,
    retry: { maxAttempts: 10, baseDelayMs: 25, maxDelayMs: 1_000, budget: 512 },
    interceptors: [],
    logger: expect.any(Function),
  });
});

test("the same endpoint twice is one", () => {
  const { endpoints } = resolveOptions({ endpoints: ["a", "A:7420", "http://a:7420", "b"] });
  expect(endpoints.map(({ address }) => address)).toEqual(["a:7420", "b:7420"]);
});

test("a base delay above the default maximum raises the maximum", () => {
  expect(resolveOptions({ retry: { baseDelayMs: 3_000 } }).retry.maxDelayMs).toBe(3_000);
});

test.each<[ClientOptions, typeof TypeError | typeof RangeError]>([
  [{ endpoints: [] }, RangeError],
  [{ endpoints: "a:1" as never }, TypeError],
  [{ endpoints: ["a b"] }, RangeError],
  [{ timeoutMs: 0 }, RangeError],
  [{ timeoutMs: 2 ** 31 }, RangeError],
  [{ timeoutMs: "5" as never }, TypeError],
  [{ maxQueuedCalls: -1 }, RangeError],
  [{ maxConcurrentCalls: 1.5 }, RangeError],
  [{ keys: "hex" as never }, TypeError],
  [{ retry: { maxAttempts: 0 } }, RangeError],
  [{ retry: { baseDelayMs: 100, maxDelayMs: 50 } }, RangeError],
  [{ retry: { attempts: 3 } as never }, TypeError],
  [{ timeout: 5 } as never, TypeError],
  [{ pipelining: "yes" as never }, TypeError],
  [{ interceptors: [1 as never] }, TypeError],
  [{ logger: console as never }, TypeError],
])("%j is refused", (options, kind) => {
  expect(() => resolveOptions(options)).toThrow(kind);
});
