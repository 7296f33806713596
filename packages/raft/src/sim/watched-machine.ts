/** A state machine whose every step is compared with that of the other members. */

import type {
  ApplyResults,
  Command,
  InMemoryStateMachine,
  OnDiskStateMachine,
  SnapshotChunks,
  StateMachine,
} from "../host/state-machine.js";
import type { Checker } from "./checker.js";
import type { CoverageCounter } from "./coverage.js";
import type { SimulatedMachine } from "./simulated-machine.js";

/** The number that the simulator puts before each command. */
const OPERATION_BYTES = 4;
/** Index and chain, before each snapshot. */
const HEADER_BYTES = 12;
const FACTOR = 0x85eb_ca6b;

export interface WatchDeps {
  readonly checker: Checker;
  readonly coverage: CoverageCounter;
  readonly simulated: SimulatedMachine;
  readonly group: number;
  readonly node: number;
  /** Delays answers; undefined: they come at once. */
  readonly delay: (() => Promise<void>) | undefined;
}

export function withOperation(operation: number, command: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(OPERATION_BYTES + command.length);
  bytes.writeUInt32LE(operation, 0);
  bytes.set(command, OPERATION_BYTES);
  return bytes;
}

/** How far a member's state machine has come, and a digest of all commands up to there. */
export class MachineWatch {
  /** Of the last command in it. */
  index = 0;
  chain = 0;
  readonly #deps: WatchDeps;
  readonly #inner: StateMachine;

  constructor(deps: WatchDeps, inner: StateMachine) {
    this.#deps = deps;
    this.#inner = inner;
  }

  /** The state machine for the host. */
  machine(): StateMachine {
    const inner = this.#inner;
    const apply = (commands: readonly Command[]) => this.#apply(commands);
    const close = async (): Promise<void> => inner.close?.();
    if (inner.kind === "in-memory") return { ...this.#inMemory(inner), apply, close };
    return { ...this.#onDisk(inner), apply, close };
  }

  #inMemory(inner: InMemoryStateMachine): Omit<InMemoryStateMachine, "apply"> {
    return {
      kind: "in-memory",
      snapshot: () => prefixed(this.#header(), inner.snapshot()),
      restore: async (chunks) => {
        const { header, rest } = await splitHeader(chunks);
        await inner.restore(rest);
        this.#restored(header);
      },
    };
  }

  #onDisk(inner: OnDiskStateMachine): Omit<OnDiskStateMachine, "apply"> {
    return {
      kind: "on-disk",
      open: async () => {
        const held = await inner.open();
        this.#opened(held);
        return held;
      },
      sync: () => inner.sync(),
      snapshot: async () => {
        const header = this.#header();
        const { index, chunks } = await inner.snapshot();
        return { index, chunks: prefixed(header, chunks) };
      },
      restore: async ({ index, chunks }) => {
        const { header, rest } = await splitHeader(chunks);
        await inner.restore({ index, chunks: rest });
        this.#restored(header);
      },
    };
  }

  #apply(commands: readonly Command[]): ApplyResults | Promise<ApplyResults> {
    const stripped = commands.map(({ index, term, data }) => {
      return { index, term, data: data.subarray(OPERATION_BYTES) };
    });
    const { delay } = this.#deps;
    const answer = (): ApplyResults | Promise<ApplyResults> => this.#inner.apply(stripped);
    const answered = delay === undefined ? answer() : delay().then(answer);
    const compare = (results: ApplyResults): ApplyResults => {
      for (const [at, command] of commands.entries()) this.#applied(command, results[at]);
      this.#compareFingerprint();
      return results;
    };
    if (!(answered instanceof Promise)) return compare(answered);
    return answered.then((results) => compare(results));
  }

  #applied({ index, data }: Command, result: Uint8Array | undefined): void {
    const { checker, group, node } = this.#deps;
    const facts = checker.facts(group);
    if (index <= this.index) {
      const message = `group ${group}: node ${node} applies ${index} after ${this.index}`;
      checker.report("state-machine-safety", message);
    }
    const operation = Buffer.from(data.buffer, data.byteOffset).readUInt32LE(0);
    this.chain = Math.imul(this.chain ^ operation ^ Math.imul(index, FACTOR), FACTOR);
    this.index = index;
    const problem = facts.noteState(index, this.chain);
    if (problem !== undefined) {
      checker.report("state-machine-safety", `group ${group}: ${problem} (node ${node})`);
    }
    const again = facts.noteOperation(operation, index);
    if (again !== undefined) checker.report("exactly-once", `group ${group}: ${again}`);
    const state = facts.states.get(index);
    const text = Buffer.from(result ?? []).toString("hex");
    if (state === undefined) return;
    state.result ??= text;
    if (state.result === text) return;
    const message = `group ${group}: members answer differently to the command at ${index}`;
    checker.report("state-machine-safety", message);
  }

  #compareFingerprint(): void {
    const { checker, simulated, group, node } = this.#deps;
    const state = checker.facts(group).states.get(this.index);
    const fingerprint = simulated.fingerprint?.(this.#inner);
    if (fingerprint === undefined || state === undefined) return;
    state.fingerprint ??= fingerprint;
    if (state.fingerprint === fingerprint) return;
    const message = `group ${group}: node ${node} has another state after ${this.index} than others`;
    checker.report("state-machine-safety", message);
  }

  /** @param held may be the place of a snapshot, and so of an entry that is no command */
  #opened(held: number): void {
    const { checker, coverage, group, node } = this.#deps;
    const facts = checker.facts(group);
    if (held > facts.lastCommitted) {
      const message = `group ${group}: the state of node ${node} ends at ${held}, never committed`;
      checker.report("state-machine-safety", message);
    }
    this.index = facts.lastCommandUpTo(held);
    if (this.index < facts.lastCommandUpTo(facts.lastCommitted)) coverage.hit("state-behind-log");
    this.chain = facts.states.get(this.index)?.chain ?? 0;
    this.#compareFingerprint();
  }

  #restored({ index, chain }: { readonly index: number; readonly chain: number }): void {
    const { checker, group, node } = this.#deps;
    if (index < this.index) {
      const message = `group ${group}: node ${node} goes back from ${this.index} to ${index}`;
      checker.report("state-machine-safety", message);
    }
    this.index = index;
    this.chain = chain;
    const problem = checker.facts(group).noteState(index, chain);
    if (problem !== undefined) checker.report("state-machine-safety", `group ${group}: ${problem}`);
    this.#compareFingerprint();
  }

  #header(): Uint8Array {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeDoubleLE(this.index, 0);
    header.writeInt32LE(this.chain, 8);
    return header;
  }
}

async function* prefixed(header: Uint8Array, chunks: SnapshotChunks): AsyncGenerator<Uint8Array> {
  yield header;
  yield* chunks;
}

async function splitHeader(chunks: AsyncIterable<Uint8Array>) {
  const iterator = chunks[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < HEADER_BYTES) {
    const next = await iterator.next();
    if (next.done === true) throw new Error("a snapshot without the simulator's header");
    head = Buffer.concat([head, next.value]);
  }
  const header = { index: head.readDoubleLE(0), chain: head.readInt32LE(8) };
  const first = head.subarray(HEADER_BYTES);
  const rest = async function* (): AsyncGenerator<Uint8Array> {
    if (first.length > 0) yield first;
    yield* { [Symbol.asyncIterator]: () => iterator };
  };
  return { header, rest: rest() };
}
