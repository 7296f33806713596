/** The core knows no clock, no chance but the injected one, no timer and no promise. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Cluster } from "./support/cluster.js";

const FORBIDDEN = [
  "Date",
  "Promise",
  "queueMicrotask",
  "setImmediate",
  "setInterval",
  "setTimeout",
  "performance",
  "crypto",
  "process",
  "Buffer",
] as const;

const CORE = fileURLToPath(new URL("../src/core/", import.meta.url));

/** One seeded run of everything that a group does; its trace tells whether two were the same. */
function run(): string[] {
  const trace: string[] = [];
  const cluster = Cluster.of(5, { maxInflightMessages: 4 });
  const note = (): void => {
    for (const node of cluster.nodes.values()) {
      const { term, role, commitIndex, appliedIndex, leader } = node.core.status();
      trace.push(`${node.id} ${term} ${role} ${commitIndex} ${appliedIndex} ${leader}`);
    }
  };
  cluster.tickAll(40);
  note();
  for (let round = 0; round < 10; round += 1) {
    const leader = cluster.leader();
    if (leader === undefined) throw new Error("no leader");
    cluster.isolate((round % 5) + 1);
    cluster.tickAll(25);
    const heir = cluster.leader();
    if (heir !== undefined) {
      cluster.propose(heir.id, `proposal ${round}`);
      heir.core.readIndex(round);
      cluster.settle();
    }
    cluster.heal();
    cluster.tickAll(5);
    note();
  }
  return trace;
}

/** Runs `act` with every forbidden global, and Math.random, replaced by one that throws. */
function withoutGlobals<T>(act: () => T): T {
  const scope = globalThis as Record<string, unknown>;
  const kept = FORBIDDEN.map(
    (name) => [name, Object.getOwnPropertyDescriptor(scope, name)] as const,
  );
  const { random } = Math;
  for (const name of FORBIDDEN) {
    Object.defineProperty(scope, name, { value: thrower(name), configurable: true });
  }
  Math.random = () => {
    throw new Error("Math.random was called");
  };
  try {
    return act();
  } finally {
    Math.random = random;
    for (const [name, descriptor] of kept) {
      if (descriptor === undefined) delete scope[name];
      else Object.defineProperty(scope, name, descriptor);
    }
  }
}

function thrower(name: string): unknown {
  function refuse(): never {
    throw new Error(`${name} was used`);
  }
  return new Proxy(refuse, { apply: refuse, construct: refuse, get: refuse });
}

test("a group elects, replicates and reads without them, the same way every time", () => {
  const first = withoutGlobals(run);
  expect(withoutGlobals(run)).toEqual(first);
  expect(first.some((line) => line.includes("leader"))).toBe(true);
});

test("the stand-ins do throw", () => {
  expect(() => withoutGlobals(() => Date.now())).toThrow("Date was used");
  expect(() => withoutGlobals(() => Math.random())).toThrow("Math.random was called");
  expect(() => withoutGlobals(() => new Promise(() => undefined))).toThrow("Promise was used");
});

test("no file of the core imports anything but its neighbours", () => {
  const files = readdirSync(CORE).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts"),
  );
  expect(files.length).toBeGreaterThan(20);
  for (const file of files) {
    const text = readFileSync(join(CORE, file), "utf8");
    for (const [, target = ""] of text.matchAll(/from "([^"]+)"/g)) {
      expect(target, file).toMatch(/^\.\/[a-z-]+\.js$/);
    }
    expect(text, file).not.toMatch(/\bimport\(|\brequire\(|\basync\b|\bawait\b/);
  }
});
