/** Where titan-node and the echo spend their CPU under the same load, side by side. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measure } from "./closed-loop.js";
import {
  connect,
  ECHO_SERVER,
  type Operation,
  TITAN_NODE,
  titanArguments,
} from "./echo-servers.js";
import { OWNER_NAMES, summarizeProfile } from "./profile-summary.js";
import { startServer } from "./server-process.js";

const CALLERS = 256;
const WARM_UP_MS = 2000;

/** Microseconds per call by owner. */
type Shares = ReadonlyMap<string, number>;

/** A table in Markdown. Each cell is a server process of its own that runs for `durationMs`. */
export async function profileTable(durationMs: number): Promise<string> {
  const columns: (readonly [string, Shares])[] = [];
  for (const operation of ["put", "get"] as const) {
    columns.push([
      `echo, ${operation}`,
      await profile(ECHO_SERVER, () => [], operation, durationMs),
    ]);
    const args = (directory: string) => titanArguments("never", directory);
    columns.push([
      `titan-node, ${operation}`,
      await profile(TITAN_NODE, args, operation, durationMs),
    ]);
  }
  const head = `| µs per call | ${columns.map(([name]) => name).join(" | ")} |`;
  const rule = `|---|${columns.map(() => "---|").join("")}`;
  const rows = [...OWNER_NAMES, "sum"].map(
    (owner) => `| ${owner} | ${columns.map(([, shares]) => shareOf(shares, owner)).join(" | ")} |`,
  );
  return [head, rule, ...rows].join("\n");
}

function shareOf(shares: Shares, owner: string): string {
  const all = [...shares.values()].reduce((sum, micros) => sum + micros, 0);
  return (owner === "sum" ? all : (shares.get(owner) ?? 0)).toFixed(1);
}

async function profile(
  script: string,
  args: (directory: string) => string[],
  operation: Operation,
  durationMs: number,
): Promise<Shares> {
  const directory = await mkdtemp(join(tmpdir(), "titan-profile-"));
  try {
    const profiles = join(directory, "profiles");
    await mkdir(profiles);
    const flags = ["--cpu-prof", "--cpu-prof-dir", profiles];
    const server = await startServer(script, args(join(directory, "data")), flags);
    const { channel, operations } = connect(server.address);
    const warmUp = await measure(operations[operation], CALLERS, WARM_UP_MS);
    const measured = await measure(operations[operation], CALLERS, durationMs);
    channel.close();
    await server.stop();
    const calls = warmUp.calls + measured.calls;
    return new Map([...summarizeProfile(profiles)].map(([owner, us]) => [owner, us / calls]));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
