import { describe, expect, test } from "vitest";
import {
  type Action,
  type Answer,
  checkHistory,
  History,
  type Operation,
  renderCounterexample,
} from "../src/index.js";

/** One operation after the other unless a span says otherwise. */
function oneByOne(...steps: readonly (readonly [Action, Answer])[]): readonly Operation[] {
  const history = new History();
  for (const [action, answer] of steps) history.invoke("p", "k", action).answered(answer);
  return history.operations();
}

const get: Action = { kind: "get" };
const put = (value: string): Action => ({ kind: "put", value });
const remove: Action = { kind: "delete" };
const increment: Action = { kind: "increment", delta: 1 };
const cas = (expected: string | undefined, value: string): Action => ({
  kind: "cas",
  expected,
  value,
});

describe("what can have been", () => {
  test("nothing", () => {
    expect(checkHistory([]).isLinearizable).toBe(true);
  });

  test("each operation alone, seeing what the one before it left", () => {
    const operations = oneByOne(
      [get, { value: undefined }],
      [put("a"), {}],
      [get, { value: "a" }],
      [cas("a", "5"), { applied: true }],
      [cas("a", "b"), { applied: false, current: { value: "5" } }],
      [increment, { value: "6" }],
      [remove, { existed: true }],
      [remove, { existed: false }],
      [increment, { value: "1" }],
    );
    expect(checkHistory(operations).isLinearizable).toBe(true);
  });

  test("reads beside a write see it or not, in an order", () => {
    const history = new History();
    const write = history.invoke("writer", "k", put("a"));
    history.invoke("one", "k", get).answered({ value: undefined });
    history.invoke("two", "k", get).answered({ value: "a" });
    write.answered();
    expect(checkHistory(history.operations()).isLinearizable).toBe(true);
  });

  test("a write that nobody answered appears later", () => {
    const history = new History();
    history.invoke("lost", "k", put("a")).unknown();
    history.invoke("p", "k", get).answered({ value: undefined });
    history.invoke("p", "k", put("b")).answered();
    history.invoke("p", "k", get).answered({ value: "b" });
    history.invoke("p", "k", get).answered({ value: "a" });
    expect(checkHistory(history.operations()).isLinearizable).toBe(true);
  });

  test("a call that is still under way may have happened", () => {
    const history = new History();
    history.invoke("slow", "k", put("a"));
    history.invoke("slow", "k", get);
    history.invoke("p", "k", get).answered({ value: "a" });
    expect(checkHistory(history.operations()).isLinearizable).toBe(true);
  });

  test("keys know nothing of each other", () => {
    const history = new History();
    history.invoke("p", "a", put("1")).answered();
    history.invoke("p", "b", get).answered({ value: undefined });
    expect(checkHistory(history.operations())).toMatchObject({ isLinearizable: true, keys: 2 });
  });
});

describe("what cannot have been", () => {
  const expectViolation = (operations: readonly Operation[], left: number): void => {
    const { isLinearizable, violations } = checkHistory(operations);
    expect(isLinearizable).toBe(false);
    expect(violations).toHaveLength(1);
    expect(violations[0]?.operations).toHaveLength(left);
  };

  test("a stale read", () => {
    expectViolation(
      oneByOne([put("a"), {}], [get, { value: "a" }], [put("b"), {}], [get, { value: "a" }]),
      3,
    );
  });

  test("a lost update", () => {
    expectViolation(oneByOne([put("a"), {}], [get, { value: undefined }]), 2);
  });

  test("two increments with the same answer", () => {
    expectViolation(oneByOne([increment, { value: "1" }], [increment, { value: "1" }]), 2);
  });

  test("a deleted value that comes back", () => {
    expectViolation(
      oneByOne([put("a"), {}], [remove, { existed: true }], [get, { value: "a" }]),
      3,
    );
  });

  test("two compare-and-sets that both won", () => {
    const history = new History();
    const [one, two] = ["one", "two"].map((name) =>
      history.invoke(name, "k", cas(undefined, name)),
    );
    one?.answered({ applied: true });
    two?.answered({ applied: true });
    expectViolation(history.operations(), 2);
  });

  test("reads that see two writes in both orders", () => {
    const history = new History();
    const writes = ["a", "b"].map((value) => history.invoke(value, "k", put(value)));
    for (const value of ["a", "b", "a"]) history.invoke("p", "k", get).answered({ value });
    for (const write of writes) write.answered();
    expectViolation(history.operations(), 5);
  });

  test("a write that was never answered and is seen, gone, and seen again", () => {
    const history = new History();
    history.invoke("lost", "k", put("a")).unknown();
    history.invoke("p", "k", get).answered({ value: "a" });
    history.invoke("p", "k", put("b")).answered();
    history.invoke("p", "k", get).answered({ value: "a" });
    expect(checkHistory(history.operations()).isLinearizable).toBe(false);
  });

  test("a write that was refused as not applied, and is seen", () => {
    const history = new History();
    history.invoke("p", "k", put("a")).notApplied();
    history.invoke("p", "k", get).answered({ value: "a" });
    expectViolation(history.operations(), 1);
  });
});

test("a counterexample is shown with its spans", () => {
  const history = new History();
  history.invoke("client-1", "k", put("a")).answered();
  history.invoke("client-2", "k", put("unseen")).answered();
  const overlapping = history.invoke("client-10", "k", put("b"));
  history.invoke("client-1", "k", get).answered({ value: "b" });
  history.invoke("client-2", "k", get).answered({ value: "a" });
  overlapping.answered();
  const [violation] = checkHistory(history.operations()).violations;
  expect(violation && renderCounterexample(violation)).toMatchInlineSnapshot(`
    "key k, which held (none): no order of these operations explains their answers
      ├─┤           client-1  put a → done
          ├─┤       client-2  put unseen → done
              ├─┤   client-2  get → a   ← cannot be explained"
  `);
});

test("beyond its bound the checker says that it does not know", () => {
  const history = new History();
  const calls = Array.from({ length: 24 }, (_, i) =>
    history.invoke(`p${i}`, "k", { kind: "increment", delta: 2 ** i }),
  );
  for (const call of calls) call.answered({});
  const verdict = checkHistory(history.operations(), { maxConfigurations: 1_000 });
  expect(verdict).toMatchObject({ isLinearizable: false, violations: [], undecided: ["k"] });
});

test("a recorded call ends once", () => {
  const call = new History().invoke("p", "k", get);
  call.answered({ value: undefined });
  expect(() => call.notApplied()).toThrow("has ended before");
});
