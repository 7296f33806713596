/**
 * What the client costs beside bare nice-grpc: the same calls to the same server, in turns, so that whatever
 * slows the machine slows both; medians of the rounds. Beside the rate stands the CPU time of this process
 * for each call, which other load on the machine disturbs less. The last table has no network at all.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { KvServiceDefinition } from "@titan/proto";
import { createChannel, createClient } from "nice-grpc";
import { TitanClient } from "../src/index.js";
import type { Connection, Transport } from "../src/ports.js";

const ROUNDS = 7;
const ROUND_MS = 700;
const CALLERS = [1, 32, 256];
const key = "key-of-16-bytes!";
const value = "v".repeat(100);

type Call = () => Promise<unknown>;
interface Sample {
  readonly callsPerSecond: number;
  readonly cpuMicros: number;
}

const server = fork(fileURLToPath(new URL("answering-node.js", import.meta.url)));
const [port] = (await once(server, "message")) as [number];
const channel = createChannel(`127.0.0.1:${port}`);
const bare = createClient(KvServiceDefinition, channel);
const client = new TitanClient({ endpoints: [`127.0.0.1:${port}`] });

console.log(`node ${process.version}; medians of ${ROUNDS} rounds; calls/s (CPU µs per call here)`);
console.log(
  "| 100-byte values, callers | bare nice-grpc | @titan/client | ratio |\n|---|---|---|---|",
);
for (const callers of CALLERS) {
  await compare(`put, ${callers}`, callers, [
    () => bare.put({ key: Buffer.from(key), value: Buffer.from(value) }),
    () => client.put(key, value),
  ]);
  await compare(`get, ${callers}`, callers, [
    () => bare.get({ key: Buffer.from(key) }),
    () => client.get(key),
  ]);
}
await client.close();
channel.close();
server.disconnect();

const alone = new TitanClient({}, { transport: nowhere() });
await compare("get without a network, 1", 1, [() => Promise.resolve(), () => alone.get(key)]);
await alone.close();

async function compare(title: string, callers: number, calls: readonly [Call, Call]) {
  const samples: [Sample[], Sample[]] = [[], []];
  for (let round = -1; round < ROUNDS; round++) {
    for (const which of [0, 1] as const) {
      const sample = await measure(callers, calls[which]);
      if (round >= 0) samples[which].push(sample);
    }
  }
  const [theirs, ours] = samples.map((all) => ({
    rate: median(all.map(({ callsPerSecond }) => callsPerSecond)),
    cpu: median(all.map(({ cpuMicros }) => cpuMicros)),
  })) as [{ rate: number; cpu: number }, { rate: number; cpu: number }];
  const cell = ({ rate, cpu }: typeof ours) => `${rate.toFixed(0)} (${cpu.toFixed(1)})`;
  const ratio = (ours.rate / theirs.rate).toFixed(2);
  console.log(`| ${title} | ${cell(theirs)} | ${cell(ours)} | ${ratio} |`);
}

/** Closed loop: each caller makes its next call when the last has settled. */
async function measure(callers: number, call: Call): Promise<Sample> {
  let calls = 0;
  const began = performance.now();
  const cpu = process.cpuUsage();
  const until = began + ROUND_MS;
  const loop = async (): Promise<void> => {
    while (performance.now() < until) {
      await call();
      calls += 1;
    }
  };
  await Promise.all(Array.from({ length: callers }, loop));
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - began) / 1_000;
  return { callsPerSecond: calls / seconds, cpuMicros: (user + system) / calls };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** A transport that answers every get with nothing found. */
function nowhere(): Transport {
  const answer = Promise.resolve({ found: false });
  const connection = { call: () => answer, isUp: () => true, close() {} };
  return { connect: () => Promise.resolve(connection as unknown as Connection) };
}
