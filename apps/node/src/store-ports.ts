/** Disk, clock, dice and processes: what stores and logs ask of the outside world. */
import {
  type BitcaskPorts,
  NodeFileSystem,
  NodeProcessTable,
  SystemClock,
  SystemRandom,
} from "@titan/bitcask";

export type StorePorts = BitcaskPorts;

/** The real ones. */
export function nodePorts(): StorePorts {
  return {
    fileSystem: new NodeFileSystem(),
    clock: new SystemClock(),
    random: new SystemRandom(),
    processes: new NodeProcessTable(),
  };
}
