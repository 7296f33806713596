/** Three members of one group, each a process on this machine. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import type { Operation, Order, Work } from "./work.js";

export interface Cluster {
  /** Has the leader call from `callers` callers. */
  measure(operation: Operation, callers: number, durationMs: number): Promise<Work>;
  stop(): Promise<void>;
}

const MEMBERS = [1, 2, 3];

/** Addresses on which nobody listens now. */
export async function freeAddresses(count: number): Promise<string[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const addresses = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`);
  for (const server of servers) server.close();
  return addresses;
}

/** Resolves when all run and the first leads. */
export async function startCluster(directory: string): Promise<Cluster> {
  const addresses = await freeAddresses(MEMBERS.length);
  const peers = Object.fromEntries(MEMBERS.map((id) => [id, addresses[id - 1]]));
  const script = join(import.meta.dirname, "member.js");
  const children = MEMBERS.map((id) =>
    fork(script, [String(id), join(directory, `member-${id}`), JSON.stringify(peers)]),
  );
  await Promise.all(children.map((child) => once(child, "message")));
  const [leader] = children;
  if (leader === undefined) throw new Error("a cluster has members");
  const ask = async (order: Order): Promise<unknown> => {
    const answered = once(leader, "message");
    leader.send(order);
    const [{ result }] = (await answered) as [{ result: unknown }];
    return result;
  };
  await ask({ type: "lead" });
  return {
    measure: async (operation, callers, durationMs) =>
      (await ask({ type: "measure", operation, callers, durationMs })) as Work,
    stop: async () => {
      const running = children.filter(({ exitCode }) => exitCode === null);
      const ended = running.map((child) => once(child, "exit"));
      for (const child of running) child.kill("SIGTERM");
      await Promise.all(ended);
    },
  };
}
