import { expect, test } from "vitest";
import { CallLimiter } from "./call-limiter.js";

const never = new AbortController().signal;

test("slots are given at once while there are any, then in the order of the line", async () => {
  const limiter = new CallLimiter(2, 10);
  expect([limiter.tryAcquire(), limiter.tryAcquire(), limiter.tryAcquire()]).toEqual([
    true,
    true,
    false,
  ]);
  const order: string[] = [];
  const waits = ["a", "b", "c"].map((name) => limiter.wait(never).then(() => order.push(name)));
  expect(limiter.load()).toEqual({ running: 2, waiting: 3 });
  limiter.release();
  limiter.release();
  limiter.release();
  await Promise.all(waits);
  expect(order).toEqual(["a", "b", "c"]);
  expect(limiter.load()).toEqual({ running: 2, waiting: 0 });
});

test("a slot that is handed over cannot be taken by who comes later", () => {
  const limiter = new CallLimiter(1, 1);
  limiter.tryAcquire();
  void limiter.wait(never);
  limiter.release();
  expect(limiter.tryAcquire()).toBe(false);
  limiter.release();
  expect(limiter.tryAcquire()).toBe(true);
});

test("who leaves the line frees its place and gets no slot", async () => {
  const limiter = new CallLimiter(1, 1);
  limiter.tryAcquire();
  const stop = new AbortController();
  const left = limiter.wait(stop.signal);
  expect(limiter.hasRoom()).toBe(false);
  stop.abort(new Error("enough"));
  await expect(left).rejects.toThrow("enough");
  expect(limiter.hasRoom()).toBe(true);
  limiter.release();
  expect(limiter.load()).toEqual({ running: 0, waiting: 0 });
  await expect(limiter.wait(stop.signal)).rejects.toThrow("enough");
  expect(limiter.load().waiting).toBe(0);
});
