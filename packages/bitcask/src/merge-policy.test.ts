import { expect, test } from "vitest";
import { DataFile } from "./data-file.js";
import { filesToMerge } from "./merge-policy.js";

const MIB = 1024 * 1024;
const THRESHOLDS = {
  mergeDeadFraction: 0.5,
  mergeDeadBytes: 128 * MIB,
  mergeSmallFileBytes: 10 * MIB,
  dataFileMaxBytes: 1024 * MIB,
};

let nextId = 1;

function sealed(mebibytes: number, deadShare: number, change: Partial<DataFile> = {}): DataFile {
  const id = nextId++;
  const size = mebibytes * MIB + 64;
  const identity = { id, path: `${id}`, salt: 0, isMerged: false, cipher: undefined, size };
  const file = new DataFile(identity);
  file.liveBytes = Math.round(mebibytes * MIB * (1 - deadShare));
  return Object.assign(file, { isSealed: true }, change);
}

test("nothing is due while every file is mostly alive", () => {
  expect(filesToMerge([sealed(200, 0.4), sealed(100, 0.49)], THRESHOLDS)).toEqual([]);
});

test("a file that is half dead is due, and takes along one that is a quarter dead", () => {
  const files = [sealed(100, 0.5), sealed(100, 0.25), sealed(100, 0.2)];
  expect(filesToMerge(files, THRESHOLDS)).toEqual(files.slice(0, 2));
});

test("a large file is due for its dead bytes, whatever their share", () => {
  const files = [sealed(1000, 0.13), sealed(1000, 0.06)];
  expect(filesToMerge(files, THRESHOLDS)).toEqual([files[0]]);
});

test("tombstones that could not be dropped do not make a file due again", () => {
  const kept = sealed(100, 0.5, { keptTombstoneBytes: 50 * MIB });
  expect(filesToMerge([kept], THRESHOLDS)).toEqual([]);
});

test("neither the file that takes writes nor one with damage is ever due", () => {
  const files = [sealed(100, 0.9, { isSealed: false }), sealed(100, 0.9, { isUnmergeable: true })];
  expect(filesToMerge(files, THRESHOLDS)).toEqual([]);
});

test("eight small files are due for being many", () => {
  const small = Array.from({ length: 8 }, () => sealed(1, 0));
  const large = sealed(500, 0);
  expect(filesToMerge([large, ...small.slice(1)], THRESHOLDS)).toEqual([]);
  expect(filesToMerge([large, ...small], THRESHOLDS)).toEqual(small);
  expect(filesToMerge(small, { ...THRESHOLDS, mergeSmallFileBytes: 0 })).toEqual([]);
});
