/** What the command asks of the outside world; tests play all of it in process. */
import type { Readable, Writable } from "node:stream";
import type { ByteClient } from "./report.js";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ClientSettings {
  readonly endpoints: readonly string[];
  readonly timeoutMs: number;
}

export interface CliPorts {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Environment;
  /** The user's home directory, for the shell's history. */
  readonly homeDirectory: string;
  readonly version: string;
  readonly openFile: (path: string) => Readable;
  /** Connects when first used. @throws UsageError when an endpoint is not an address */
  readonly openClient: (settings: ClientSettings) => Promise<ByteClient>;
  /** Calls `listener` on each Ctrl-C; returns what ends that. */
  readonly onInterrupt: (listener: () => void) => () => void;
}
