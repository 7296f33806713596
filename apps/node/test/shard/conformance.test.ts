import { FakeMachine, ManualClock, MemoryFileSystem, SeededRandom } from "@titan/bitcask/testing";
import { stateMachineConformance } from "@titan/raft/testing";
import { test } from "vitest";
import { encodeCommand } from "../../src/shard/command-codec.js";
import { ShardMachine } from "../../src/shard/shard-machine.js";
import { resolveShardOptions } from "../../src/shard/shard-options.js";
import { commandOfEverySort } from "../support/shard-commands.js";

const fileSystems = new WeakMap<ShardMachine, MemoryFileSystem>();
let nextPid = 1;

function machineOn(fileSystem: MemoryFileSystem): ShardMachine {
  const machine = new ShardMachine({
    directory: "/data/shards/0",
    ports: {
      fileSystem,
      clock: new ManualClock(),
      random: new SeededRandom(1),
      processes: new FakeMachine().start(nextPid++),
    },
    options: resolveShardOptions({ dataFileMaxBytes: 4096 }),
  });
  fileSystems.set(machine, fileSystem);
  return machine;
}

/** Everything in the store but where it stands: that may be a snapshot's index. */
function look(machine: ShardMachine): unknown {
  const records: [string, string][] = [];
  for (const { key, value } of machine.db.entriesSync({ gt: Buffer.from([0, 0, 1]) })) {
    records.push([Buffer.from(key).toString("hex"), Buffer.from(value).toString("hex")]);
  }
  return { records, nowMs: machine.nowMs };
}

stateMachineConformance<ShardMachine>({
  test,
  open: () => ({
    create: () => machineOn(new MemoryFileSystem()),
    command: (number) => encodeCommand(commandOfEverySort(number)),
    look,
    reopen: (machine) => {
      const fileSystem = fileSystems.get(machine);
      if (fileSystem === undefined) throw new Error("not one of ours");
      return machineOn(fileSystem.crash());
    },
  }),
});
