import { fork } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { type Command, openHost, type SessionRequest } from "@titan/raft";

const peers = { 1: "127.0.0.1:7101", 2: "127.0.0.1:7102", 3: "127.0.0.1:7103" };

/** What is replicated: each member applies the same commands in the same order. */
class Counter {
  readonly kind = "in-memory";
  #value = 0;
  apply(commands: readonly Command[]): Uint8Array[] {
    return commands.map(() => Buffer.from(String((this.#value += 1))));
  }
  snapshot(): Uint8Array[] {
    return [Buffer.from(String(this.#value))];
  }
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#value = Number(await text(chunks));
  }
}

/** One of three processes: if it leads, it opens a session or increments, as it is asked. */
async function serve(nodeId: number): Promise<void> {
  const directory = `counter-${nodeId}`;
  const { host } = await openHost({ nodeId, cluster: "counter", directory, peers });
  const founders = { voters: [1, 2, 3] };
  const group = await host.openGroup({ group: 1, stateMachine: new Counter(), founders });
  const answerTo = async (session: SessionRequest | "new"): Promise<number> => {
    if (session === "new") return group.openSession();
    const { result } = await group.propose(Buffer.from("+1"), { session });
    return Number(Buffer.from(result));
  };
  process.on("message", (question: SessionRequest | "new") => {
    answerTo(question).then(
      (answer) => process.send?.({ question, answer }),
      (error: Error) => process.send?.({ question, error: error.message }),
    );
  });
  process.on("disconnect", () => process.exit());
}

/** Starts all three, and counts to six while the leader is killed. */
async function count(): Promise<void> {
  const members = [1, 2, 3].map((id) => fork(process.argv[1] ?? "", [String(id)]));
  const ask = async (question: SessionRequest | "new") => {
    for (;;) {
      for (const member of members.filter(({ connected }) => connected)) {
        member.send(question);
        const [{ answer }] = await once(member, "message");
        if (answer !== undefined) return { answer: Number(answer), leader: member };
      }
      await pause(50); // Nobody leads yet.
    }
  };
  const { answer: client } = await ask("new");
  for (let request = 1; request <= 6; request += 1) {
    const session = { client, request, answeredThrough: request - 1 };
    const { answer, leader } = await ask(session);
    // As if that had been lost: the same request, asked again, counts once.
    console.log(`increment ${request}: ${answer}, asked again: ${(await ask(session)).answer}`);
    if (request === 3 && leader.kill("SIGKILL")) await once(leader, "exit");
  }
  for (const member of members) member.kill();
}

await (process.argv[2] === undefined ? count() : serve(Number(process.argv[2])));
