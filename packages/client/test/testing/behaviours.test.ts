/** The server for tests does what a node does; the same cases run against a node in apps/node/test. */
import { afterAll, describe, expect, test } from "vitest";
import { createTestServer } from "../../src/testing/index.js";
import { BEHAVIOURS } from "./behaviours/all-behaviours.js";

const server = createTestServer();
const client = server.client();
const passTime = (ms: number): Promise<void> => server.advance(ms);

afterAll(() => server.close());

for (const [what, cases] of BEHAVIOURS) {
  describe(what, () => {
    for (const [at, { title, run, gives }] of cases.entries()) {
      test(title, async () => {
        const prefix = `${what.replaceAll(" ", "-")}-${at}-`;
        expect(await run({ client, prefix, passTime })).toEqual(gives);
      });
    }
  });
}
