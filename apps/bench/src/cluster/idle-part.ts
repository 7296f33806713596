/** What a cluster costs that nobody asks for anything. */
import { join } from "node:path";
import type { Part } from "./part.js";
import { table, verdict } from "./table.js";
import { TitanNodes } from "./titan-nodes.js";

const SHARDS = 64;
const SETTLE_MS = 20_000;
const MEASURED_MS = 30_000;
const CPU_PERCENT = 2;
const RESIDENT_MB = 200;
const MB = 1_000_000;

export const idlePart: Part = async ({ directory, log }) => {
  const titan = await TitanNodes.start(join(directory, "titan"), ["--shards", String(SHARDS)]);
  const pause = (ms: number) =>
    new Promise((resolve) => {
      setTimeout(resolve, ms);
    });
  try {
    await pause(SETTLE_MS);
    const before = titan.nodes.map((node) => node.usage());
    await pause(MEASURED_MS);
    const rows = titan.nodes.map((node, at) => {
      const { cpuMicros, residentBytes } = node.usage();
      const percent = (cpuMicros - (before[at]?.cpuMicros ?? 0)) / (MEASURED_MS * 10);
      const isMet = percent < CPU_PERCENT && residentBytes < RESIDENT_MB * MB;
      const resident = (residentBytes / MB).toFixed(0);
      return [node.id, percent.toFixed(2), resident, verdict(isMet)];
    });
    log("idle: measured");
    return `Three nodes with ${SHARDS} shards that nobody asks for anything, over ${MEASURED_MS / 1_000} s.

${table(["node", "CPU, % of a core", "resident, MB", `target: < ${CPU_PERCENT} %, < ${RESIDENT_MB} MB`], rows)}`;
  } finally {
    await titan.close();
  }
};
