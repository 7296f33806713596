/**
 * Three nodes of Titan beside three of etcd, each a process on this machine with its defaults, asked in turn by the
 * same kind of client; and what faults and moves cost. Each part writes its own section of docs/benchmarks.md.
 *
 *   pnpm --filter @titan/bench bench:cluster [--parts unary,client,open-loop,capacity,failover,transfer,move,idle] [--rounds 3]
 *     [--seconds 1] [--trials 20] [--directory /tmp] [--no-etcd] [--dry]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { circumstances, writeSection } from "../report.js";
import { capacityPart } from "./capacity-part.js";
import { clientPart } from "./client-part.js";
import { etcdVersion } from "./etcd-members.js";
import { failoverPart } from "./failover-part.js";
import { idlePart } from "./idle-part.js";
import { movePart } from "./move-part.js";
import { openLoopPart } from "./open-loop-part.js";
import type { Part } from "./part.js";
import { transferPart } from "./transfer-part.js";
import { unaryPart } from "./unary-part.js";

const PARTS: Readonly<Record<string, Part>> = {
  unary: unaryPart,
  client: clientPart,
  "open-loop": openLoopPart,
  capacity: capacityPart,
  failover: failoverPart,
  transfer: transferPart,
  move: movePart,
  idle: idlePart,
};

const { values: flags } = parseArgs({
  options: {
    parts: { type: "string", default: Object.keys(PARTS).join(",") },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "1" },
    trials: { type: "string", default: "20" },
    directory: { type: "string", default: tmpdir() },
    "no-etcd": { type: "boolean", default: false },
    dry: { type: "boolean", default: false },
  },
});

// So that what was started ends too.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const version = flags["no-etcd"] ? undefined : etcdVersion();
for (const name of flags.parts.split(",")) {
  const part = PARTS[name];
  if (part === undefined) throw new Error(`there is no part "${name}"`);
  const where = circumstances();
  const directory = await mkdtemp(join(flags.directory, "titan-bench-cluster-"));
  try {
    const figures = await part({
      ...{ directory, rounds: Number(flags.rounds), seconds: Number(flags.seconds) },
      ...{ trials: Number(flags.trials), hasEtcd: version !== undefined },
      log: (text) => console.error(text),
    });
    const beside = version === undefined ? "" : `, etcd ${version}`;
    const markdown = `## A cluster of three nodes: ${name}

\`pnpm --filter @titan/bench bench:cluster --parts ${name} --rounds ${flags.rounds} --seconds ${flags.seconds} --trials ${flags.trials}\`.
${where}${beside}. Three processes on one disk, every write synced, loopback.

${figures}`;
    console.log(markdown);
    if (!flags.dry) writeSection(`cluster-${name}`, markdown);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
process.exit(0);
