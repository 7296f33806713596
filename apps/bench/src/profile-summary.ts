/** Says where a process spent its time, from a V8 CPU profile (`node --cpu-prof`). */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** As Chrome's DevTools protocol has it, `Profiler.Profile`. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }[];
  readonly samples: readonly number[];
  /** Microseconds between samples. */
  readonly timeDeltas: readonly number[];
}

/** Whose code a frame is, first match wins. */
const OWNERS: readonly (readonly [string, RegExp])[] = [
  ["gRPC (@grpc/grpc-js)", /@grpc[+/]/],
  ["nice-grpc", /nice-grpc/],
  ["messages (@titan/proto)", /packages\/proto\//],
  ["store (@titan/bitcask)", /packages\/bitcask\//],
  ["server (@titan/node)", /apps\/node\/dist\//],
  ["http2 and streams (Node)", /^node:/],
];

/** Owners of time, in the order of a table. */
export const OWNER_NAMES: readonly string[] = [
  ...OWNERS.map(([name]) => name),
  "garbage collection",
  "native code and system calls",
];

/** Microseconds by owner, idle time left out, of the only profile in `directory`. */
export function summarizeProfile(directory: string): ReadonlyMap<string, number> {
  const [file] = readdirSync(directory).filter((name) => name.endsWith(".cpuprofile"));
  if (file === undefined) throw new Error(`no profile in ${directory}`);
  const profile = JSON.parse(readFileSync(join(directory, file), "utf8")) as CpuProfile;
  const owners = new Map(profile.nodes.map(({ id, callFrame }) => [id, ownerOf(callFrame)]));
  const micros = new Map<string, number>();
  for (const [index, id] of profile.samples.entries()) {
    const owner = owners.get(id);
    if (owner === undefined) continue;
    micros.set(owner, (micros.get(owner) ?? 0) + (profile.timeDeltas[index] ?? 0));
  }
  return micros;
}

function ownerOf(frame: { readonly functionName: string; readonly url: string }) {
  if (frame.functionName === "(idle)") return undefined;
  if (frame.functionName === "(garbage collector)") return "garbage collection";
  const owner = OWNERS.find(([, url]) => url.test(frame.url));
  return owner === undefined ? "native code and system calls" : owner[0];
}
