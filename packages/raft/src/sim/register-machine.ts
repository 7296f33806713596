/** The simulator's own state machines: a few registers that count their writes. */

import type {
  Command,
  InMemoryStateMachine,
  OnDiskStateMachine,
  StateMachine,
  TakenSnapshot,
} from "../host/state-machine.js";
import type { SeededRandom } from "../testing/seeded-random.js";
import type { MachinePlace, SimulatedMachine } from "./simulated-machine.js";

const REGISTERS = 8;
const FACTOR = 0x9e37_79b1;
const STATE_BYTES = 8 + REGISTERS * 8;

export interface RegisterOptions {
  readonly kind: "in-memory" | "on-disk";
  /** A snapshot is padded to this. */
  readonly stateBytes: number;
}

export class RegisterMachines implements SimulatedMachine {
  readonly #options: RegisterOptions;

  constructor(options: RegisterOptions) {
    this.#options = options;
  }

  create(place: MachinePlace): StateMachine {
    const { kind, stateBytes } = this.#options;
    const registers = new Registers(stateBytes);
    return kind === "in-memory"
      ? new MemoryRegisters(registers)
      : new StoredRegisters(registers, place);
  }

  command(random: SeededRandom): Uint8Array {
    const command = Buffer.alloc(5 + random.nextInt(40));
    command[0] = random.nextInt(REGISTERS);
    command.writeUInt32LE(random.nextInt(2 ** 32), 1);
    return command;
  }

  fingerprint(machine: StateMachine): number {
    return (machine as MemoryRegisters | StoredRegisters).registers.digest;
  }
}

class Registers {
  readonly #values = new Float64Array(REGISTERS);
  readonly #stateBytes: number;
  index = 0;
  digest = 0;

  constructor(stateBytes: number) {
    this.#stateBytes = Math.max(STATE_BYTES, stateBytes);
  }

  /** @returns how often the register has been written */
  write({ index, data }: Command): Uint8Array {
    const register = (data[0] ?? 0) % REGISTERS;
    const writes = Math.floor((this.#values[register] ?? 0) / 2 ** 32) + 1;
    const value = Buffer.from(data.buffer, data.byteOffset).readUInt32LE(1);
    this.#values[register] = writes * 2 ** 32 + value;
    this.digest = Math.imul(this.digest ^ value ^ register, FACTOR) | 0;
    this.index = index;
    return Uint8Array.of(register, writes & 255, writes >>> 8);
  }

  encode(): Uint8Array {
    const bytes = Buffer.alloc(this.#stateBytes);
    bytes.writeUIntLE(this.index, 0, 4);
    bytes.writeInt32LE(this.digest, 4);
    for (const [at, value] of this.#values.entries()) bytes.writeDoubleLE(value, 8 + at * 8);
    return bytes;
  }

  decode(bytes: Buffer): void {
    this.index = bytes.readUIntLE(0, 4);
    this.digest = bytes.readInt32LE(4);
    for (const at of this.#values.keys()) this.#values[at] = bytes.readDoubleLE(8 + at * 8);
  }
}

class MemoryRegisters implements InMemoryStateMachine {
  readonly kind = "in-memory";
  readonly registers: Registers;

  constructor(registers: Registers) {
    this.registers = registers;
  }

  apply(commands: readonly Command[]): Uint8Array[] {
    return commands.map((command) => this.registers.write(command));
  }

  snapshot(): Iterable<Uint8Array> {
    return [this.registers.encode()];
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.registers.decode(await gather(chunks));
  }
}

/** Keeps its state in memory and, when it is asked to, in a file that takes the last one's place. */
class StoredRegisters implements OnDiskStateMachine {
  readonly kind = "on-disk";
  readonly registers: Registers;
  readonly #place: MachinePlace;
  readonly #path: string;

  constructor(registers: Registers, place: MachinePlace) {
    this.registers = registers;
    this.#place = place;
    this.#path = place.fileSystem.join(place.directory, "state");
  }

  async open(): Promise<number> {
    const { fileSystem, directory } = this.#place;
    await fileSystem.makeDirectory(directory);
    await fileSystem.syncDirectory(fileSystem.join(directory, ".."));
    const found = await fileSystem.stat(this.#path);
    if (found === undefined) return 0;
    const handle = await fileSystem.open(this.#path, "read");
    const bytes = Buffer.alloc(found.size);
    await handle.read(bytes, 0);
    await handle.close();
    this.registers.decode(bytes);
    return this.registers.index;
  }

  apply(commands: readonly Command[]): Uint8Array[] {
    return commands.map((command) => this.registers.write(command));
  }

  async sync(): Promise<number> {
    const { fileSystem, directory } = this.#place;
    const { index } = this.registers;
    const draft = `${this.#path}.new`;
    if ((await fileSystem.stat(draft)) !== undefined) await fileSystem.unlink(draft);
    const handle = await fileSystem.open(draft, "create-exclusive");
    await handle.write(this.registers.encode(), 0);
    await handle.sync();
    await handle.close();
    await fileSystem.rename(draft, this.#path);
    await fileSystem.syncDirectory(directory);
    return index;
  }

  snapshot(): TakenSnapshot {
    return { index: this.registers.index, chunks: [this.registers.encode()] };
  }

  async restore(snapshot: {
    readonly index: number;
    readonly chunks: AsyncIterable<Uint8Array>;
  }): Promise<void> {
    this.registers.decode(await gather(snapshot.chunks));
    this.registers.index = snapshot.index;
    await this.sync();
  }
}

async function gather(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  return Buffer.concat(parts);
}
