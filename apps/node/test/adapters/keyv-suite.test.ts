/** Keyv's own test suite, from the installed package, unmodified, on Keyv 5, against three nodes. */
import keyvTestSuite, { keyvIteratorTests } from "@keyv/test-suite";
import { KeyvTitan } from "@titan/client/keyv";
import { Keyv } from "keyv";
import * as vitest from "vitest";
import { TestCluster } from "../../src/testing/index.js";

let cluster: TestCluster;

vitest.beforeAll(async () => {
  cluster = await TestCluster.start();
});

vitest.afterAll(async () => {
  await cluster.shutdown();
});

/** The suite makes a new adapter for each Keyv and expects them to share what they store. */
const createAdapter = () => new KeyvTitan(cluster.client());

vitest.describe("@keyv/test-suite", () => {
  keyvTestSuite(vitest, Keyv, createAdapter);
});

vitest.describe("@keyv/test-suite, iterators", () => {
  keyvIteratorTests(vitest, Keyv, createAdapter);
});
