/** Three members of etcd on this machine, with its defaults: Debian's packages etcd-server and etcd-client. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { freeAddresses, waitUntil } from "@titan/testkit";
import { type Channel, createChannel } from "nice-grpc";
import { type EtcdKv, etcdKv } from "./etcd-rpc.js";

export interface EtcdMember {
  readonly name: string;
  readonly address: string;
  readonly kv: EtcdKv;
}

const NAMES = ["e1", "e2", "e3"];

/** As `etcd --version` says; undefined where it is not installed. */
export function etcdVersion(): string | undefined {
  try {
    const text = execFileSync("etcd", ["--version"], { encoding: "utf8" });
    return /etcd Version: (\S+)/.exec(text)?.[1];
  } catch {
    return undefined;
  }
}

export class EtcdMembers {
  readonly members: readonly EtcdMember[];
  readonly #directory: string;
  readonly #peers: readonly string[];
  readonly #channels: readonly Channel[];
  readonly #children = new Map<string, ChildProcess>();

  static async start(directory: string): Promise<EtcdMembers> {
    const addresses = await freeAddresses(NAMES.length * 2);
    const etcd = new EtcdMembers(directory, addresses);
    for (const { name } of etcd.members) etcd.startMember(name);
    await etcd.untilServing();
    return etcd;
  }

  private constructor(directory: string, addresses: readonly string[]) {
    this.#directory = directory;
    this.#peers = addresses.slice(NAMES.length);
    this.#channels = NAMES.map((_, at) =>
      createChannel(addresses[at] ?? "", undefined, { "grpc.use_local_subchannel_pool": 1 }),
    );
    this.members = this.#channels.map((channel, at) => ({
      name: NAMES[at] ?? "",
      address: addresses[at] ?? "",
      kv: etcdKv(channel),
    }));
  }

  startMember(name: string): void {
    const at = NAMES.indexOf(name);
    const client = `http://${this.members[at]?.address}`;
    const peer = `http://${this.#peers[at]}`;
    const cluster = NAMES.map((other, place) => `${other}=http://${this.#peers[place]}`).join(",");
    const args = ["--name", name, "--data-dir", join(this.#directory, name)];
    args.push("--log-level", "error", "--logger", "zap");
    args.push("--listen-client-urls", client, "--advertise-client-urls", client);
    args.push("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer);
    args.push("--initial-cluster", cluster, "--initial-cluster-state", "new");
    const child = spawn("etcd", args, { stdio: "ignore" });
    this.#children.set(name, child);
    // It would outlive us otherwise.
    const end = (): unknown => child.kill("SIGKILL");
    process.once("exit", end);
    child.once("exit", () => process.off("exit", end));
  }

  async killMember(name: string): Promise<void> {
    const child = this.#children.get(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  /** Resolves when each member takes a write. */
  async untilServing(): Promise<void> {
    for (const { name, kv } of this.members) {
      const key = Buffer.from("probe");
      await waitUntil(
        () => kv.put({ key, value: key }, { signal: AbortSignal.timeout(1_000) }).then(() => true),
        { what: `etcd's ${name} to serve`, timeoutMs: 60_000 },
      );
    }
  }

  leader(): EtcdMember {
    const found = this.#status().find(([, , isLeader]) => isLeader);
    const member = this.members.find(({ address }) => address === found?.[0]);
    if (member === undefined) throw new Error("etcd has no leader");
    return member;
  }

  /** Hands leadership to another member, as an operator would. */
  moveLeader(): void {
    const status = this.#status();
    const leader = status.find(([, , isLeader]) => isLeader);
    const other = status.find(([, , isLeader]) => !isLeader);
    if (leader === undefined || other === undefined) throw new Error("etcd has no leader");
    this.#ctl(leader[0], "move-leader", other[1]);
  }

  async close(): Promise<void> {
    for (const channel of this.#channels) channel.close();
    await Promise.all(NAMES.map((name) => this.killMember(name)));
  }

  /** Address, id in hex, and whether it leads, of each member. */
  #status(): readonly (readonly [address: string, id: string, isLeader: boolean])[] {
    const endpoints = this.members.map(({ address }) => address).join(",");
    const lines = this.#ctl(endpoints, "endpoint", "status").trim().split("\n");
    return lines.map((line) => {
      const [address = "", id = "", , , isLeader] = line.split(", ");
      return [address, id, isLeader === "true"];
    });
  }

  #ctl(endpoints: string, ...args: readonly string[]): string {
    return execFileSync("etcdctl", ["--endpoints", endpoints, ...args], {
      encoding: "utf8",
      env: { ...process.env, ETCDCTL_API: "3" },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }
}
