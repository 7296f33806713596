/** Load on etcd from a Go program that uses etcd's own client: Debian's packages golang-go and golang-etcd-server-dev. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Measurement } from "../closed-loop.js";

export interface EtcdLoad {
  readonly operation: "put" | "get";
  readonly callers: number;
  readonly seconds: number;
  readonly valueBytes: number;
}

/** Runs a load; undefined when it failed. */
export type RunEtcdLoad = (load: EtcdLoad) => Promise<Measurement | undefined>;

const SOURCE = join(import.meta.dirname, "..", "..", "peers", "etcd-load");

/** @returns undefined, with a word on stderr, where it cannot be built */
export function buildEtcdLoad(
  directory: string,
  endpoints: readonly string[],
): RunEtcdLoad | undefined {
  const program = join(directory, "etcd-load");
  try {
    execFileSync("go", ["build", "-o", program, "."], {
      cwd: SOURCE,
      env: { ...process.env, GO111MODULE: "off", GOPATH: "/usr/share/gocode" },
      stdio: ["ignore", "ignore", "inherit"],
    });
  } catch (error) {
    console.error(`without etcd's Go client: ${String(error)}`);
    return undefined;
  }
  return async ({ operation, callers, seconds, valueBytes }) => {
    const args = ["-endpoints", endpoints.join(","), "-operation", operation];
    args.push("-callers", String(callers), "-seconds", String(seconds));
    args.push("-bytes", String(valueBytes));
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const [code] = (await once(child, "close")) as [number];
    return code === 0 ? (JSON.parse(output) as Measurement) : undefined;
  };
}
