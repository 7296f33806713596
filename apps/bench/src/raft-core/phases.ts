/** What is measured, each in a process of its own. */
import { closeSync, fdatasyncSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { load } from "./load.js";
import { snapshotPhase } from "./snapshot-phase.js";
import { IDS, pause, Tally, Trio, until } from "./trio.js";

/** Figures by name. */
export type Figures = Readonly<Record<string, number>>;

export type Phase = (directory: string, argument: number) => Promise<Figures>;

const WARM_UP_MS = 1000;
const MEASURED_MS = 3000;
const CALLERS = 4096;

/** Proposals and reads of one group whose log is in memory. */
async function memoryPhase(directory: string): Promise<Figures> {
  const trio = await Trio.start({ log: "memory", directory });
  const group = await trio.open(1);
  const command = new Uint8Array(16);
  await load(() => group.propose(command), CALLERS, WARM_UP_MS);
  const proposals = await load(() => group.propose(command), CALLERS, MEASURED_MS);
  await load(() => group.readIndex(), CALLERS, WARM_UP_MS);
  const reads = await load(() => group.readIndex(), CALLERS, MEASURED_MS);
  await trio.close();
  return {
    proposals: proposals.perSecond,
    proposalsPerCpuSecond: proposals.perCpuSecond,
    p50Ms: proposals.p50Ms,
    p99Ms: proposals.p99Ms,
    reads: reads.perSecond,
    readsPerCpuSecond: reads.perCpuSecond,
  };
}

/** Proposals of one group through logs on disk, each batch with its fdatasync. */
async function diskPhase(directory: string, callers: number): Promise<Figures> {
  let writes = 0;
  let writeMs = 0;
  const trio = await Trio.start({
    log: "disk",
    directory: join(directory, "trio"),
    observerOf: (id) => ({
      onWrite: ({ isSynced, ms }) => {
        if (id !== 1 || !isSynced) return;
        writes += 1;
        writeMs += ms;
      },
    }),
  });
  const group = await trio.open(1);
  const command = new Uint8Array(128);
  let proposals = 0;
  const propose = (): Promise<unknown> => {
    proposals += 1;
    return group.propose(command);
  };
  await load(propose, callers, WARM_UP_MS);
  writes = 0;
  writeMs = 0;
  proposals = 0;
  const result = await load(propose, callers, MEASURED_MS);
  await trio.close();
  return {
    ...result,
    proposalsPerSync: proposals / Math.max(1, writes),
    syncMs: writeMs / Math.max(1, writes),
    rawSyncMs: rawSync(directory),
  };
}

/** A write of 4 KiB into a file that is there already, and its fdatasync, in milliseconds. */
function rawSync(directory: string): number {
  const path = join(directory, "raw");
  const file = openSync(path, "w+");
  const bytes = Buffer.alloc(4096, 1);
  const rounds = 300;
  for (let at = 0; at < rounds; at += 1) writeSync(file, bytes, 0, bytes.length, at * bytes.length);
  fdatasyncSync(file);
  const begin = performance.now();
  for (let at = 0; at < rounds; at += 1) {
    writeSync(file, bytes, 0, bytes.length, at * bytes.length);
    fdatasyncSync(file);
  }
  const ms = (performance.now() - begin) / rounds;
  closeSync(file);
  unlinkSync(path);
  return ms;
}

/** Groups that have nothing to do. */
async function groupsPhase(directory: string, count: number): Promise<Figures> {
  let frames = 0;
  const observerOf = () => ({
    onFrameSent: () => {
      frames += 1;
    },
  });
  const trio = await Trio.start({ log: "memory", directory, observerOf });
  global.gc?.();
  const heapBefore = process.memoryUsage().heapUsed;
  const begin = performance.now();
  for (const host of trio.hosts) {
    for (let group = 1; group <= count; group += 1) {
      await host.openGroup({ group, stateMachine: new Tally(), founders: { voters: IDS } });
    }
  }
  for (const host of trio.hosts) {
    for (const group of host.groups()) if (group.id % 3 === host.nodeId % 3) group.campaign();
  }
  const sum = (figure: "leads" | "sleepingGroups"): number =>
    trio.hosts.reduce((total, host) => total + host.status()[figure], 0);
  await until(() => sum("leads") >= count);
  const startMs = performance.now() - begin;
  global.gc?.();
  const heapPerGroup = (process.memoryUsage().heapUsed - heapBefore) / count / IDS.length;
  await pause(1000);
  const awake = await idle(() => frames);
  await until(() => sum("sleepingGroups") >= IDS.length * count, 100);
  await pause(1000);
  const asleep = await idle(() => frames);
  await trio.close();
  return {
    startMs,
    heapPerGroup,
    awakeCores: awake.cores,
    awakeFrames: awake.frames,
    asleepCores: asleep.cores,
    asleepFrames: asleep.frames,
  };
}

/** What the process does by itself: share of a core, and frames per second and pair, each way. */
async function idle(frames: () => number): Promise<{ cores: number; frames: number }> {
  const before = frames();
  const cpu = process.cpuUsage();
  const begin = performance.now();
  await pause(5000);
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const ways = IDS.length * (IDS.length - 1);
  return {
    cores: (user + system) / 1e6 / seconds,
    frames: (frames() - before) / seconds / ways,
  };
}

export const PHASES = {
  memory: memoryPhase,
  disk: diskPhase,
  groups: groupsPhase,
  snapshot: snapshotPhase,
} satisfies Record<string, Phase>;

export type PhaseName = keyof typeof PHASES;
