/** What tests against real sockets share: nodes and clients that are taken down after each test. */
import { afterEach } from "vitest";
import {
  type ClientError,
  type ClientOptions,
  isClientError,
  TitanClient,
} from "../../src/index.js";
import type { ClientPorts } from "../../src/ports.js";
import { FakeNode } from "./fake-node.js";

/** Retries without long waits. */
export const FAST = { maxAttempts: 10, baseDelayMs: 1, maxDelayMs: 5 };

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Runs `cleanup` when the test is over. */
export function afterTest(cleanup: () => Promise<void> | void): void {
  cleanups.push(cleanup);
}

export async function startNode(port?: number): Promise<FakeNode> {
  const node = await FakeNode.start(port);
  afterTest(() => node.kill());
  return node;
}

/** With a `clock`, deadlines pass when the test says so, however slow the machine. */
export function clientOf(
  endpoints: string[],
  options: ClientOptions<"string", "string"> = {},
  ports: Partial<ClientPorts> = {},
) {
  const client = new TitanClient({ endpoints, retry: FAST, ...options }, ports);
  afterTest(() => client.close());
  return client;
}

/** The error that a call must end with. */
export async function failureOf(call: Promise<unknown>): Promise<ClientError> {
  const error: unknown = await call.then(
    () => new Error("the call should have failed"),
    (error: unknown) => error,
  );
  if (!isClientError(error)) throw error;
  return error;
}

/** A promise and its resolver. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Makes the node swallow puts; resolves when the first has arrived. */
export function hang(node: FakeNode): Promise<void> {
  const arrived = gate();
  node.misbehave = (method) => {
    if (method !== "put") return undefined;
    arrived.open();
    return new Promise(() => {});
  };
  return arrived.opened;
}
