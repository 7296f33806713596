/** A shard's state on a disk in memory, without a group: commands get indexes one after the other. */
import { FakeMachine, ManualClock, MemoryFileSystem, SeededRandom } from "@titan/bitcask/testing";
import type { Command } from "@titan/raft";
import { encodeCommand } from "../../src/shard/command-codec.js";
import { decodeResult, type ShardAnswer } from "../../src/shard/result-codec.js";
import type { ShardCommand, WriteId } from "../../src/shard/shard-command.js";
import { ShardMachine } from "../../src/shard/shard-machine.js";
import { resolveShardOptions, type ShardOptions } from "../../src/shard/shard-options.js";

let nextPid = 1;

export class MachineBench {
  readonly fileSystem: MemoryFileSystem;
  readonly machine: ShardMachine;
  readonly clock = new ManualClock();
  index = 0;

  private constructor(fileSystem: MemoryFileSystem, options: ShardOptions) {
    this.fileSystem = fileSystem;
    this.machine = new ShardMachine({
      directory: "/data/shards/0",
      ports: {
        fileSystem,
        clock: this.clock,
        random: new SeededRandom(1),
        processes: new FakeMachine().start(nextPid++),
      },
      options: resolveShardOptions({ dataFileMaxBytes: 8192, ...options }),
    });
  }

  static async open(
    fileSystem = new MemoryFileSystem(),
    options: ShardOptions = {},
  ): Promise<MachineBench> {
    const bench = new MachineBench(fileSystem, options);
    bench.index = await bench.machine.open();
    return bench;
  }

  /** Applies one command by itself. @throws KvError for a refusal */
  async run(body: ShardCommand["body"], atMs = 0, writeId?: WriteId): Promise<ShardAnswer> {
    const [answer] = await this.runAll([{ body, atMs, writeId }]);
    return decodeResult(answer ?? new Uint8Array(0));
  }

  /** Applies commands as one batch. @returns the encoded answers */
  runAll(commands: readonly ShardCommand[]): Promise<Uint8Array[]> {
    return this.runBytes(commands.map((command) => encodeCommand(command)));
  }

  async runBytes(datas: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const batch = datas.map((data) => {
      this.index += 1;
      return { index: this.index, term: 1, data } as unknown as Command;
    });
    const answers = await this.machine.apply(batch);
    return answers.map((answer) => answer ?? new Uint8Array(0));
  }

  put(
    key: string,
    value: string,
    more: { ttlMs?: number; atMs?: number } = {},
  ): Promise<ShardAnswer> {
    const { ttlMs = 0, atMs = 0 } = more;
    const bytes = { key: Buffer.from(key), value: Buffer.from(value) };
    return this.run({ type: "put", keyspace: 1, ...bytes, ttlMs }, atMs);
  }

  /** Another one on what a kill of the process leaves. */
  reopen(options: ShardOptions = {}): Promise<MachineBench> {
    return MachineBench.open(this.fileSystem, options);
  }

  /** All bytes of a snapshot, and its index. */
  async snapshot(): Promise<{ readonly index: number; readonly bytes: Buffer }> {
    const { index, chunks } = await this.machine.snapshot();
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    return { index, bytes: Buffer.concat(parts) };
  }

  async restore(index: number, bytes: Uint8Array): Promise<void> {
    await this.machine.restore({ index, chunks: inPieces(bytes) });
    this.index = index;
  }

  /** Everything stored, in hex, but for where it stands. */
  records(): readonly string[] {
    const records: string[] = [];
    for (const { key, value } of this.machine.db.entriesSync({ gt: Buffer.from([0, 0, 1]) })) {
      records.push(`${Buffer.from(key).toString("hex")}=${Buffer.from(value).toString("hex")}`);
    }
    return records;
  }
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}
