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
/** A disk that hangs for a second costs a leader its place, as it should, and the bench a measurement. */
const MAX_TRIES = 5;

type Answer =
  | { readonly type: "done"; readonly result: unknown }
  | { readonly type: "failed"; readonly reason: string };

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
  const ask = async (order: Order): Promise<Answer> => {
    const answered = once(leader, "message");
    leader.send(order);
    const [answer] = (await answered) as [Answer];
    return answer;
  };
  await ask({ type: "lead" });
  return {
    measure: async (operation, callers, durationMs) => {
      for (let tries = 1; ; tries += 1) {
        await ask({ type: "lead" });
        const answer = await ask({ type: "measure", operation, callers, durationMs });
        if (answer.type === "done") return answer.result as Work;
        console.error(`${operation}, ${callers} under way: ${answer.reason}`);
        if (tries === MAX_TRIES) throw new Error("the members do not keep a leader");
      }
    },
    stop: async () => {
      const running = children.filter(({ exitCode }) => exitCode === null);
      const ended = running.map((child) => once(child, "exit"));
      for (const child of running) child.kill("SIGTERM");
      await Promise.all(ended);
    },
  };
}
