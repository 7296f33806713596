/** Keeps the processes of a local cluster running until it is told to stop. */
import { EXIT_OK } from "../exit-code.js";
import type { DevNode } from "./dev-plan.js";
import { type DevEnding, DevProcess } from "./dev-process.js";
import type { DevScreen } from "./dev-screen.js";

/** Long enough to see the others go on without it. */
const START_AGAIN_MS = 5_000;

interface Member {
  readonly node: DevNode;
  readonly print: (chunk: string) => void;
  process: DevProcess | undefined;
  timer: NodeJS.Timeout | undefined;
}

export class DevCluster {
  /** Resolves when no node runs any more and none will, with the exit code. */
  readonly ended: Promise<number>;
  readonly #members: readonly Member[];
  readonly #bin: string;
  readonly #screen: DevScreen;
  #end: (code: number) => void = () => undefined;
  #code = EXIT_OK;
  #isStopping = false;
  #hasServed = false;

  constructor(nodes: readonly DevNode[], bin: string, screen: DevScreen) {
    this.#bin = bin;
    this.#screen = screen;
    this.#members = nodes.map((node, at) => ({
      ...{ node, print: screen.log(node.id, at) },
      ...{ process: undefined, timer: undefined },
    }));
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Resolves when all nodes serve; never if the cluster ends before. */
  async start(): Promise<void> {
    await Promise.all(this.#members.map((member) => this.#start(member).serving));
    this.#hasServed = true;
  }

  /** Process ids, as far as nodes run. */
  pids(): readonly (number | undefined)[] {
    return this.#members.map(({ process }) => process?.pid);
  }

  /** Asks all nodes to stop. */
  stop(): void {
    this.#isStopping = true;
    for (const { process } of this.#members) process?.kill("SIGTERM");
    this.#endIfNoneRuns();
  }

  /** Ends all nodes at once. */
  kill(): void {
    this.#isStopping = true;
    for (const { process } of this.#members) process?.kill("SIGKILL");
    this.#endIfNoneRuns();
  }

  #start(member: Member): DevProcess {
    const { node, print } = member;
    const process = new DevProcess(node, this.#bin, print);
    member.process = process;
    void process.ended.then((ending) => {
      member.process = undefined;
      this.#onEnded(member, ending);
    });
    return process;
  }

  #onEnded(member: Member, { code, signal }: DevEnding): void {
    const { id } = member.node;
    if (!this.#isStopping) {
      if (signal !== null && this.#hasServed) {
        const seconds = START_AGAIN_MS / 1_000;
        this.#screen.say(
          `\n${id} was ended by ${signal}. The others go on; it starts again in ${seconds} s.\n\n`,
        );
        member.timer = setTimeout(() => {
          member.timer = undefined;
          this.#start(member);
        }, START_AGAIN_MS);
      } else {
        this.#screen.say(`\n${id} ended with ${signal ?? code}.\n\n`);
        this.#code = code ?? 1;
        // Without one of its founders there is no cluster to wait for.
        if (!this.#hasServed) this.stop();
      }
    } else if (code !== EXIT_OK && this.#code === EXIT_OK) this.#code = code ?? 1;
    this.#endIfNoneRuns();
  }

  #endIfNoneRuns(): void {
    if (this.#isStopping) {
      for (const { timer } of this.#members) clearTimeout(timer);
    } else if (this.#members.some(({ timer }) => timer !== undefined)) return;
    if (this.#members.every(({ process }) => process === undefined)) this.#end(this.#code);
  }
}
