/**
 * One of three members, a process of its own: `member.js <id> <directory> <addresses as JSON>`. Tells its
 * parent that it runs, then does what it is asked to, one thing after another.
 */
import { type Command, openHost } from "@titan/raft";
import { measure } from "../closed-loop.js";
import { type Order, VALUE_BYTES, type Work } from "./work.js";

const [id = "1", directory = ".", addresses = "{}"] = process.argv.slice(2);
const LEAD_POLL_MS = 5;

let syncs = 0;
const stateMachine = {
  kind: "in-memory" as const,
  apply: (commands: readonly Command[]) => commands.map(() => undefined),
  snapshot: () => [],
  restore: () => Promise.resolve(),
};

const { host, close } = await openHost(
  {
    nodeId: Number(id),
    cluster: "bench",
    directory,
    peers: JSON.parse(addresses) as Record<number, string>,
  },
  {
    log: {
      observer: {
        onAppend: ({ syncMs }) => {
          if (syncMs > 0) syncs += 1;
        },
      },
    },
  },
);
const group = await host.openGroup({ group: 1, stateMachine, founders: { voters: [1, 2, 3] } });

async function lead(): Promise<void> {
  while (group.role !== "leader") {
    if (group.leader === undefined) group.campaign();
    else group.transferLeadership(Number(id));
    await new Promise((resolve) => {
      setTimeout(resolve, LEAD_POLL_MS);
    });
  }
}

async function work(order: Extract<Order, { type: "measure" }>): Promise<Work> {
  const value = new Uint8Array(VALUE_BYTES).fill(7);
  const call = order.operation === "write" ? () => group.propose(value) : () => group.readIndex();
  const before = syncs;
  const measured = await measure(call, order.callers, order.durationMs);
  return { ...measured, syncs: syncs - before };
}

process.on("message", (order: Order) => {
  const done = order.type === "lead" ? lead() : work(order);
  done.then(
    (result) => process.send?.({ type: "done", result }),
    (error: unknown) => process.send?.({ type: "failed", reason: String(error) }),
  );
});
process.on("SIGTERM", () => {
  void close().finally(() => process.exit(0));
});
process.on("disconnect", () => process.exit(0));
process.send?.({ type: "listening", address: "" });
