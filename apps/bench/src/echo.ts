/**
 * titan-node beside a nice-grpc echo of the same messages: how much of what the wire allows is left
 * when keys are really stored. Servers are processes of their own, the client is this one; rounds are
 * interleaved and medians reported.
 *
 *   pnpm --filter @titan/bench bench:echo [--rounds 5] [--seconds 1] [--dry]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { KvServiceDefinition } from "@titan/proto";
import { createChannel, createClient } from "nice-grpc";
import { type Measurement, measure, median } from "./closed-loop.js";
import { circumstances, writeSection } from "./report.js";
import { type ServerProcess, startServer } from "./server-process.js";

const VALUE_BYTES = 100;
const KEYS = 10_000;
const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "1" },
    dry: { type: "boolean", default: false },
  },
});
const rounds = Number(flags.rounds);
const durationMs = Number(flags.seconds) * 1000;

type Operation = "put" | "get";
type Server = "echo" | "never" | "always";

interface Cell {
  readonly server: Server;
  readonly operation: Operation;
  readonly callers: number;
}

const CELLS: readonly Cell[] = (["put", "get"] as const).flatMap((operation) => [
  ...[1, 32, 256].flatMap((callers) =>
    (["echo", "never"] as const).map((server) => ({ server, operation, callers })),
  ),
  { server: "always" as const, operation, callers: 256 },
]);

const value = Buffer.alloc(VALUE_BYTES, "v");
const keys = Array.from({ length: KEYS }, (_, i) =>
  Buffer.from(`key-${String(i).padStart(12, "0")}`),
);
const keyAt = (sequence: number): Buffer => keys[(sequence * 7919) % KEYS] ?? value;

function connect(address: string) {
  const channel = createChannel(address, undefined, { "grpc.use_local_subchannel_pool": 1 });
  const kv = createClient(KvServiceDefinition, channel);
  const operations = {
    put: (sequence: number) => kv.put({ key: keyAt(sequence), value }),
    get: (sequence: number) => kv.get({ key: keyAt(sequence) }),
  };
  return { channel, kv, operations };
}

async function run(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "titan-bench-"));
  const started: ServerProcess[] = [];
  const start = async (script: string, args: string[]) => {
    const server = await startServer(script, args);
    started.push(server);
    return connect(server.address);
  };
  const nodePackage = createRequire(import.meta.url).resolve("@titan/node/package.json");
  const titan = (sync: "never" | "always") =>
    start(join(dirname(nodePackage), "bin", "titan-node.js"), [
      ...["--grpc-addr", "127.0.0.1:0", "--log-level", "warn"],
      ...["--sync", sync, "--data-dir", join(directory, sync)],
    ]);
  try {
    const servers = {
      echo: await start(join(import.meta.dirname, "echo-server.js"), [String(VALUE_BYTES)]),
      never: await titan("never"),
      always: await titan("always"),
    };
    for (const { operations } of Object.values(servers)) {
      await measure(operations.put, 256, 2000);
      for (let i = 0; i < KEYS; i += 500) {
        await Promise.all(Array.from({ length: 500 }, (_, j) => operations.put(i + j)));
      }
      await measure(operations.get, 256, 1000);
    }
    const results = new Map<Cell, Measurement[]>(CELLS.map((cell) => [cell, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const cell of CELLS) {
        const call = servers[cell.server].operations[cell.operation];
        results.get(cell)?.push(await measure(call, cell.callers, durationMs));
      }
      console.error(`round ${round + 1} of ${rounds}`);
    }
    for (const { channel } of Object.values(servers)) channel.close();
    return toMarkdown(results);
  } finally {
    await Promise.all(started.map((server) => server.stop()));
    await rm(directory, { recursive: true, force: true });
  }
}

function toMarkdown(results: ReadonlyMap<Cell, readonly Measurement[]>): string {
  const of = (server: Server, operation: Operation, callers: number) => {
    const found = [...results].find(
      ([cell]) =>
        cell.server === server && cell.operation === operation && cell.callers === callers,
    );
    const all = found?.[1] ?? [];
    return {
      ops: median(all.map(({ opsPerSecond }) => opsPerSecond)),
      latency: `${median(all.map(({ p50Ms }) => p50Ms)).toFixed(2)} / ${median(all.map(({ p99Ms }) => p99Ms)).toFixed(2)}`,
    };
  };
  const rows = CELLS.filter(({ server }) => server !== "echo").map((cell) => {
    const { server, operation, callers } = cell;
    const echo = of("echo", operation, callers);
    const titan = of(server, operation, callers);
    return (
      `| ${operation} | ${callers} | ${server} | ${echo.ops.toFixed(0)} | ${echo.latency} ` +
      `| ${titan.ops.toFixed(0)} | ${titan.latency} | ${(titan.ops / echo.ops).toFixed(2)} |`
    );
  });
  return `## titan-node beside a nice-grpc echo, unary calls

\`pnpm --filter @titan/bench bench:echo\`; medians of ${rounds} interleaved rounds of ${durationMs / 1000} s,
16-byte keys, ${VALUE_BYTES}-byte values, ${KEYS} keys, one client process over one connection, closed loop.
${circumstances()}.

| call | callers | sync | echo, ops/s | p50 / p99 ms | titan-node, ops/s | p50 / p99 ms | ratio |
|---|---|---|---|---|---|---|---|
${rows.join("\n")}`;
}

const markdown = await run();
console.log(markdown);
if (!flags.dry) writeSection("echo", markdown);
