/**
 * Three members of etcd on the same disk, and load from a Go program that uses etcd's own client: one of
 * Debian's packages etcd-server, golang-go and golang-etcd-server-dev each.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Measurement } from "../closed-loop.js";
import { buildEtcdLoad } from "../cluster/etcd-load.js";
import { freeAddresses } from "./cluster.js";
import type { Operation } from "./work.js";

export interface EtcdCluster {
  /** As `etcd --version` says. */
  readonly version: string;
  measure(operation: Operation, callers: number, durationMs: number): Promise<Measurement>;
  stop(): Promise<void>;
}

const MEMBERS = ["e1", "e2", "e3"];
const READY_TRIES = 60;
const VALUE_BYTES = 128;

/** Undefined, with a word on stderr, where etcd or Go is not installed. */
export async function startEtcd(directory: string): Promise<EtcdCluster | undefined> {
  let version: string;
  try {
    version = execFileSync("etcd", ["--version"], { encoding: "utf8" });
  } catch (error) {
    console.error(`without etcd: ${String(error)}`);
    return undefined;
  }
  const clients = await freeAddresses(MEMBERS.length);
  const run = buildEtcdLoad(directory, clients);
  if (run === undefined) return undefined;
  const children = startMembers(directory, clients, await freeAddresses(MEMBERS.length));
  const load = (operation: Operation, callers: number, seconds: number) => {
    const verb = operation === "write" ? "put" : "get";
    return run({ operation: verb, callers, seconds, valueBytes: VALUE_BYTES });
  };
  for (let tries = 0; (await load("write", 1, 0.05)) === undefined; tries += 1) {
    if (tries === READY_TRIES) throw new Error("etcd does not come up");
  }
  return {
    version: /etcd Version: (\S+)/.exec(version)?.[1] ?? "unknown",
    measure: async (operation, callers, durationMs) => {
      const measured = await load(operation, callers, durationMs / 1000);
      if (measured === undefined) throw new Error("the load on etcd failed");
      return measured;
    },
    stop: async () => {
      const running = children.filter(({ exitCode }) => exitCode === null);
      const ended = running.map((child) => once(child, "exit"));
      for (const child of running) child.kill("SIGTERM");
      await Promise.all(ended);
    },
  };
}

function startMembers(
  directory: string,
  clients: readonly string[],
  peers: readonly string[],
): ChildProcess[] {
  const cluster = MEMBERS.map((name, at) => `${name}=http://${peers[at]}`).join(",");
  return MEMBERS.map((name, at) => {
    const [client, peer] = [`http://${clients[at]}`, `http://${peers[at]}`];
    const args = ["--name", name, "--data-dir", join(directory, name), "--log-level", "error"];
    args.push("--listen-client-urls", client, "--advertise-client-urls", client);
    args.push("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer);
    args.push("--initial-cluster", cluster, "--initial-cluster-state", "new");
    return spawn("etcd", args, { stdio: "ignore" });
  });
}
