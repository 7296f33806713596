/**
 * Appends to a real disk: blocking and not, beside a bare write and fdatasync of the same size into a
 * file that is there already. Each turn carries one 128-byte entry for each of 16 groups.
 */

import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, bench, describe } from "vitest";
import type { Entry } from "../src/core/entry.js";
import { toLogIndex, toTerm } from "../src/core/ids.js";
import { nodePorts } from "../src/wal/node-ports.js";
import { RaftWal } from "../src/wal/raft-wal.js";

const GROUPS = 16;
const DATA = Buffer.alloc(128, 7);
const directory = mkdtempSync(join(tmpdir(), "titan-raft-wal-"));
const wal = await RaftWal.open(directory, nodePorts());
let index = 0;

function nextTurn() {
  index += 1;
  const entry: Entry = {
    index: toLogIndex(index),
    term: toTerm(1),
    type: "normal",
    data: DATA,
  };
  const compactTo = index > 1000 && index % 100 === 0 ? toLogIndex(index - 500) : undefined;
  return Array.from({ length: GROUPS }, (_, at) => ({
    group: at + 1,
    entries: [entry],
    ...(compactTo === undefined ? {} : { compactTo }),
  }));
}

const rawPath = join(directory, "raw");
const raw = openSync(rawPath, "wx+");
const chunk = Buffer.alloc(GROUPS * 200, 1);
writeSync(raw, Buffer.alloc(4 * 1024 * 1024), 0);
fdatasyncSync(raw);
let rawAt = 0;

afterAll(async () => {
  closeSync(raw);
  await wal.close();
  rmSync(directory, { recursive: true });
});

describe("a turn of 16 groups, 128-byte entries, durable", () => {
  bench("write and fdatasync of 3200 bytes into a written file, bare", () => {
    writeSync(raw, chunk, 0, chunk.length, rawAt);
    fdatasyncSync(raw);
    rawAt = (rawAt + chunk.length) % (4 * 1024 * 1024 - chunk.length);
  });
  bench("tryAppendSync, else append", async () => {
    const turn = nextTurn();
    if (wal.tryAppendSync(turn) === undefined) await wal.append(turn);
  });
  bench("append, one at a time", async () => {
    await wal.append(nextTurn());
  });
  bench("append, 8 turns at once", async () => {
    await Promise.all(Array.from({ length: 8 }, () => wal.append(nextTurn())));
  });
});

describe("a turn of 16 groups, 128-byte entries, not synced", () => {
  bench("tryAppendSync, else append", async () => {
    const turn = nextTurn();
    if (wal.tryAppendSync(turn, { sync: false }) === undefined) {
      await wal.append(turn, { sync: false });
    }
  });
});
