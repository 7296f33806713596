/**
 * What a program sees of a single node, case by case. The same cases run against the server for tests and against a real node
 * (apps/node/test/client-behaviours.test.ts): neither can come to differ from the other unnoticed.
 *
 * Only types are imported, as the files here belong to the tests of two packages.
 */
import type { TitanClient } from "../../../src/index.js";

/** Where a case runs. */
export interface Rig {
  readonly client: TitanClient;
  /** For names and keys: no two cases of a server have the same. Keys with it in braces are on one shard. */
  readonly prefix: string;
  /** Lets time pass on the server, unless it does so by itself while the case waits for what is to come. */
  readonly passTime: (ms: number) => Promise<void>;
}

/** A case, and what it comes to on every server. */
export interface Behaviour {
  readonly title: string;
  readonly run: (rig: Rig) => Promise<unknown>;
  readonly gives: unknown;
}

/** What a call gives, or what it fails with as far as servers agree on that. */
export async function endOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    const { code, reason, outcome, metadata, attempts } = error as Record<string, unknown>;
    return { code, reason, outcome, metadata, attempts };
  }
}

/** What `endOf` gives of a write that was refused at the first try. */
export function refused(
  code: string,
  reason: string,
  metadata: Readonly<Record<string, string>> = {},
): unknown {
  const outcome = "not-applied";
  return { code, reason, outcome, metadata: { ...metadata, outcome }, attempts: 1 };
}

/** As {@link refused}, of a read: of those there is no outcome to tell. */
export function readRefused(
  code: string,
  reason: string,
  metadata: Readonly<Record<string, string>> = {},
): unknown {
  return { code, reason, outcome: "not-applied", metadata, attempts: 1 };
}

export async function gather<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}
