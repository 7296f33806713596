/** Random calls on a few keys, and what they come to. */
import { isClientError, type TitanClient, type TxnOperation, type TxnRequest } from "@titan/client";
import fc from "fast-check";

/** Servers number as they like: so this is the revision that the key has, or one that no key has. */
type Revision = "its own" | "none" | "later than any";

export type Call =
  | { readonly call: "put"; readonly key: number; readonly value: string; readonly ttl: boolean }
  | { readonly call: "get" | "delete"; readonly key: number }
  | { readonly call: "increment"; readonly key: number; readonly delta: number }
  | {
      readonly call: "cas";
      readonly key: number;
      readonly expected: "absent" | "present" | Revision | { readonly value: string };
      readonly value: string | undefined;
    }
  | {
      readonly call: "batch" | "txn";
      readonly steps: readonly Step[];
      readonly if: readonly Condition[];
    }
  | {
      readonly call: "scan";
      readonly start: number;
      readonly end: number;
      readonly reverse: boolean;
      readonly pageSize: number;
      readonly limit: number | undefined;
    };

interface Step {
  readonly type: "put" | "delete" | "get";
  readonly key: number;
  readonly value: string;
}

interface Condition {
  readonly key: number;
  readonly is: "equal" | "not-equal" | "less" | "greater";
  readonly target: Revision | boolean | { readonly value: string };
}

const KEYS = 6;
const key = () => fc.nat(KEYS - 1);
/** Few, so that conditions hold now and then; some are counters. */
const value = () => fc.constantFrom("", "0", "7", "-3", "a", "ab", "9007199254740991");
const revision = () => fc.constantFrom<Revision>("its own", "none", "later than any");

export function calls(): fc.Arbitrary<readonly Call[]> {
  const step = fc.record({
    type: fc.constantFrom("put" as const, "delete" as const, "get" as const),
    ...{ key: key(), value: value() },
  });
  const condition = fc.record({
    key: key(),
    is: fc.constantFrom(
      "equal" as const,
      "not-equal" as const,
      "less" as const,
      "greater" as const,
    ),
    target: fc.oneof(revision(), fc.boolean(), fc.record({ value: value() })),
  });
  const call = fc.oneof<fc.Arbitrary<Call>[]>(
    fc.record({ call: fc.constant("put"), key: key(), value: value(), ttl: fc.boolean() }),
    fc.record({ call: fc.constantFrom("get", "delete"), key: key() }),
    fc.record({
      call: fc.constant("increment"),
      key: key(),
      delta: fc.integer({ min: -9, max: 9 }),
    }),
    fc.record({
      ...{ call: fc.constant("cas"), key: key() },
      expected: fc.oneof(
        fc.constantFrom("absent", "present"),
        revision(),
        fc.record({ value: value() }),
      ),
      value: fc.option(value(), { nil: undefined }),
    }),
    fc.record({
      call: fc.constantFrom("batch", "txn"),
      // One without keys is of no shard that others are compared with.
      steps: fc.array(step, { minLength: 1, maxLength: 6 }),
      if: fc.array(condition, { maxLength: 2 }),
    }),
    fc.record({
      call: fc.constant("scan"),
      ...{ start: key(), end: key(), reverse: fc.boolean() },
      pageSize: fc.integer({ min: 1, max: KEYS }),
      limit: fc.option(fc.integer({ min: 1, max: KEYS }), { nil: undefined }),
    }),
  );
  return fc.array(call, { minLength: 5, maxLength: 40 });
}

/**
 * Makes the calls one after the other, under a watch.
 * @returns what each gave, what the watch told, in words that are the same wherever they are made: revisions are named
 *   by their order
 */
export async function makeCalls(
  client: TitanClient,
  prefix: string,
  some: readonly Call[],
): Promise<unknown> {
  const tag = `{${prefix}}`;
  await using watch = client.watch({ prefix: tag });
  await watch.next();
  const ends: unknown[] = [];
  for (const call of some) ends.push(await endOf(make(client, tag, call)));
  await client.put(`${tag}end`, "");
  const told: unknown[] = [];
  for await (const event of watch) {
    if (event.type === "progress") continue;
    if (event.key === `${tag}end`) break;
    told.push(event);
  }
  return ranked({ ends, told });
}

async function make(client: TitanClient, tag: string, call: Call): Promise<unknown> {
  const nameOf = (number: number): string => `${tag}${number}`;
  const revisionOf = async (number: number, which: Revision): Promise<number> => {
    if (which === "later than any") return Number.MAX_SAFE_INTEGER;
    return which === "none" ? 0 : ((await client.getEntry(nameOf(number)))?.revision ?? 0);
  };
  switch (call.call) {
    case "put":
      return client.put(nameOf(call.key), call.value, call.ttl ? { ttlMs: 60_000 } : {});
    case "get":
      return client.getEntry(nameOf(call.key));
    case "delete":
      return client.delete(nameOf(call.key));
    case "increment":
      return client.increment(nameOf(call.key), call.delta);
    case "cas": {
      const { expected: asked, value } = call;
      const isPlain = asked === "absent" || asked === "present" || typeof asked === "object";
      const expected = isPlain ? asked : { revision: await revisionOf(call.key, asked) };
      const update = value === undefined ? ({ remove: true } as const) : { value };
      return client.cas(nameOf(call.key), { expected, ...update });
    }
    case "batch": {
      const steps = call.steps.map((step) => operationOf(step, nameOf));
      return client.batch(steps.filter((step) => step.type !== "get"));
    }
    case "txn": {
      const conditions: NonNullable<TxnRequest<string>["if"]>[number][] = [];
      for (const { key, is, target } of call.if) {
        const on = { key: nameOf(key), is };
        if (typeof target === "boolean") conditions.push({ key: on.key, exists: target });
        else if (typeof target === "object") conditions.push({ ...on, ...target });
        else conditions.push({ ...on, revision: await revisionOf(key, target) });
      }
      const steps = call.steps.map((step) => operationOf(step, nameOf));
      const otherwise = steps.toReversed();
      return client.txn({ if: conditions, then: steps, otherwise });
    }
    case "scan": {
      const { start, end, reverse, pageSize, limit } = call;
      const range = { prefix: tag, start: nameOf(start), end: nameOf(end) };
      const found: unknown[] = [];
      const entries = client.scan({ ...range, reverse, pageSize, limit });
      for await (const entry of entries) found.push(entry);
      return found;
    }
  }
}

function operationOf(
  { type, key, value }: Step,
  nameOf: (number: number) => string,
): TxnOperation<string> {
  return type === "put" ? { type, key: nameOf(key), value } : { type, key: nameOf(key) };
}

async function endOf(made: Promise<unknown>): Promise<unknown> {
  try {
    return await made;
  } catch (error) {
    if (!isClientError(error)) throw error;
    const { code, reason, outcome, metadata, attempts } = error;
    return { code, reason, outcome, metadata, attempts };
  }
}

/** A copy in which each revision is its rank among all of them, and a time to live is only there. */
function ranked(found: unknown): unknown {
  const revisions = new Set<number>();
  JSON.stringify(found, (name, value: unknown) => {
    if (name === "revision") revisions.add(value as number);
    return value;
  });
  const order = [...revisions].sort((a, b) => a - b);
  const text = JSON.stringify(found, (name, value: unknown) => {
    if (name === "revision") return order.indexOf(value as number);
    return name === "ttlMs" ? "some" : value;
  });
  return JSON.parse(text) as unknown;
}
