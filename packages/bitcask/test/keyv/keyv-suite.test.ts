/** Keyv's own test suite, from the installed package, unmodified, on Keyv 5. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import keyvTestSuite, { keyvIteratorTests } from "@keyv/test-suite";
import { Keyv } from "keyv";
import * as vitest from "vitest";
import { Bitcask } from "../../src/index.js";
import { KeyvBitcask } from "../../src/keyv/index.js";

const folder = mkdtempSync(join(tmpdir(), "titan-keyv-"));
let store: Bitcask;

vitest.beforeAll(async () => {
  store = await Bitcask.open(folder);
});

vitest.afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The suite makes a new adapter for each Keyv and expects them to share what they store. */
const createAdapter = () => new KeyvBitcask(store);

vitest.describe("@keyv/test-suite", () => {
  keyvTestSuite(vitest, Keyv, createAdapter);
});

vitest.describe("@keyv/test-suite, iterators", () => {
  keyvIteratorTests(vitest, Keyv, createAdapter);
});
