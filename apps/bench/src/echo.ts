/**
 * titan-node beside a nice-grpc echo of the same messages: how much of what the wire allows is left
 * when keys are really stored. Servers are processes of their own, the client is this one; rounds are
 * interleaved and medians reported.
 *
 *   pnpm --filter @titan/bench bench:echo [--rounds 5] [--seconds 1] [--dry]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Measurement, measure, median } from "./closed-loop.js";
import { profileTable } from "./echo-profile.js";
import {
  type Connection,
  connect,
  ECHO_SERVER,
  KEYS,
  type Operation,
  TITAN_NODE,
  titanArguments,
  VALUE_BYTES,
} from "./echo-servers.js";
import { circumstances, writeSection } from "./report.js";
import { type ServerProcess, startServer } from "./server-process.js";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "1" },
    dry: { type: "boolean", default: false },
  },
});
const rounds = Number(flags.rounds);
const durationMs = Number(flags.seconds) * 1000;

const where = circumstances();

type Server = "echo" | "never" | "always";

interface Measured extends Measurement {
  /** CPU time of the server for each call. */
  readonly serverMicros: number;
}

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

/** A server that runs, and a connection to it. */
type Target = Connection & { readonly server: ServerProcess };

async function run(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "titan-bench-"));
  const started: ServerProcess[] = [];
  const start = async (script: string, args: readonly string[]): Promise<Target> => {
    const server = await startServer(script, args);
    started.push(server);
    return { server, ...connect(server.address) };
  };
  const titan = (sync: "never" | "always") =>
    start(TITAN_NODE, titanArguments(sync, join(directory, sync)));
  try {
    const servers = {
      echo: await start(ECHO_SERVER, []),
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
    const results = new Map<Cell, Measured[]>(CELLS.map((cell) => [cell, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const cell of CELLS) {
        const { operations, server } = servers[cell.server];
        const cpuBefore = server.cpuMicros();
        const measured = await measure(operations[cell.operation], cell.callers, durationMs);
        const serverMicros = (server.cpuMicros() - cpuBefore) / measured.calls;
        results.get(cell)?.push({ ...measured, serverMicros });
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

function toMarkdown(results: ReadonlyMap<Cell, readonly Measured[]>): string {
  const of = (server: Server, operation: Operation, callers: number) => {
    const found = [...results].find(
      ([cell]) =>
        cell.server === server && cell.operation === operation && cell.callers === callers,
    );
    const all = found?.[1] ?? [];
    return {
      cpu: median(all.map(({ serverMicros }) => serverMicros)).toFixed(0),
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
      `| ${titan.ops.toFixed(0)} | ${titan.latency} | ${(titan.ops / echo.ops).toFixed(2)} ` +
      `| ${echo.cpu} / ${titan.cpu} |`
    );
  });
  return `## titan-node beside a nice-grpc echo, unary calls

\`pnpm --filter @titan/bench bench:echo\`; medians of ${rounds} interleaved rounds of ${durationMs / 1000} s,
16-byte keys, ${VALUE_BYTES}-byte values, ${KEYS} keys, one client process over one connection, closed loop.
${where}.

| call | callers | sync | echo, ops/s | p50 / p99 ms | titan-node, ops/s | p50 / p99 ms | ratio | server CPU per call, echo / titan-node, µs |
|---|---|---|---|---|---|---|---|---|
${rows.join("\n")}`;
}

const table = await run();
const profile = await profileTable(3000);
const markdown = `${table}

Where the servers' CPU goes, 256 callers, \`sync: never\`, by \`--cpu-prof\` (which itself slows them):

${profile}`;
console.log(markdown);
if (!flags.dry) writeSection("echo", markdown);
