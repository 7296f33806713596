/**
 * What a program sees of a single node: the cases that also the server for tests of @titan/client/testing goes through, and
 * random calls on both, side by side.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TitanClient } from "@titan/client";
import { createTestServer } from "@titan/client/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BEHAVIOURS } from "../../../packages/client/test/testing/behaviours/all-behaviours.js";
import { startNode } from "../src/index.js";
import { type Call, calls, makeCalls } from "./support/random-calls.js";

const server = createTestServer();
let connect: () => TitanClient;
let client: TitanClient;
let closeNode: () => Promise<void>;

beforeAll(async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "titan-node-"));
  const addresses = { grpcAddr: "127.0.0.1:0", raftAddr: "127.0.0.1:0" };
  const node = await startNode({ ...addresses, dataDir, sync: "never", shutdownTimeout: "5s" });
  connect = () => new TitanClient({ endpoints: [node.address], timeoutMs: 25_000 });
  client = connect();
  closeNode = async () => {
    await client.close();
    await node.close();
    await rm(dataDir, { recursive: true, force: true });
  };
});

afterAll(async () => {
  await closeNode();
  await server.close();
});

for (const [what, cases] of BEHAVIOURS) {
  describe(what, () => {
    for (const [at, { title, run, gives }] of cases.entries()) {
      test(title, async () => {
        const prefix = `${what.replaceAll(" ", "-")}-${at}-`;
        // Time passes by itself.
        const passTime = async (): Promise<void> => undefined;
        expect(await run({ client, prefix, passTime })).toEqual(gives);
      });
    }
  });
}

test("random calls come to the same on a node and on the server for tests", async () => {
  const ofServer = server.client();
  let run = 0;
  const asBoth = async (some: readonly Call[]): Promise<void> => {
    run += 1;
    const prefix = `random-${run}-`;
    // Its own: Node's HTTP/2 cuts a connection on which streams are given up again and again, as watches here are.
    await using ofNode = connect();
    const onNode = await makeCalls(ofNode, prefix, some);
    const onServer = await makeCalls(ofServer, prefix, some);
    expect(onServer).toEqual(onNode);
  };
  const given = process.env["TITAN_SEED"];
  const numRuns = Number(process.env["TITAN_RUNS"] ?? 40);
  const seed = given === undefined ? {} : { seed: Number(given) };
  await fc.assert(fc.asyncProperty(calls(), asBoth), { numRuns, ...seed });
});
