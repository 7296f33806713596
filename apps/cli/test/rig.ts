/** Runs the command in process, with everything around it played. */
import { Buffer } from "node:buffer";
import { createReadStream } from "node:fs";
import { PassThrough, Readable, Writable } from "node:stream";
import { runCli } from "../src/cli.js";
import { createFile, sizeOf } from "../src/files.js";
import type { ClientSettings, CliPorts, Environment } from "../src/ports.js";
import { FakeClient } from "./fake-client.js";
import { seededRandom } from "./seeded-random.js";
import { VirtualClock } from "./virtual-clock.js";

export interface Stage {
  readonly client?: FakeClient;
  readonly stdin?: string | Uint8Array;
  /** Whether standard output is a terminal. Standard input is not. */
  readonly isTerminal?: boolean;
  /** Whether standard error is one. */
  readonly isErrorTerminal?: boolean;
  readonly env?: Environment;
  readonly ports?: Partial<CliPorts>;
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
  readonly client: FakeClient;
  /** What clients were opened with. */
  readonly opened: readonly ClientSettings[];
}

/** Collects what is written. */
export class Sink extends Writable {
  readonly chunks: Buffer[] = [];
  isTTY = false;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk);
    this.emit("written");
    done();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  get text(): string {
    return this.bytes.toString("utf8");
  }

  /** Resolves when `what` has been written, anywhere after the first `from` characters. */
  async until(what: string, from = 0): Promise<number> {
    for (;;) {
      const at = this.text.indexOf(what, from);
      if (at >= 0) return at + what.length;
      await new Promise<void>((resolve) => this.once("written", () => resolve()));
    }
  }
}

/** What each test plays by itself. */
type Played = Pick<
  CliPorts,
  "stdin" | "stdout" | "stderr" | "env" | "homeDirectory" | "version" | "openClient"
>;

/** Real files, a clock that stands still. */
function world(): Omit<CliPorts, keyof Played> {
  const openFile = (path: string): Readable => createReadStream(path);
  return {
    openFile,
    sizeOf: sizeOfFile,
    createFile,
    clock: new VirtualClock(),
    random: seededRandom(),
    runProcess: () => {
      throw new Error("a test that runs commands brings its own");
    },
    onInterrupt: () => () => {},
    onSignal: () => () => {},
  };
}

/** The standard input of the test's own process is nobody's business. */
async function sizeOfFile(path: string): Promise<number | undefined> {
  return path === "-" ? undefined : sizeOf(path);
}

/** Runs `titan ...words`. */
export async function titan(words: readonly string[], stage: Stage = {}): Promise<Outcome> {
  const client = stage.client ?? new FakeClient();
  const stdout = new Sink();
  const stderr = new Sink();
  const opened: ClientSettings[] = [];
  stdout.isTTY = stage.isTerminal ?? false;
  stderr.isTTY = stage.isErrorTerminal ?? false;
  const code = await runCli(words, {
    stdin: Readable.from(stage.stdin === undefined ? [] : [Buffer.from(stage.stdin)]),
    stdout,
    stderr,
    env: stage.env ?? {},
    homeDirectory: "/nonexistent",
    version: "9.9.9",
    ...world(),
    openClient: async (settings) => {
      opened.push(settings);
      return client;
    },
    ...stage.ports,
  });
  const { bytes, text } = stdout;
  return { code, stdout: text, stdoutBytes: bytes, stderr: stderr.text, client, opened };
}

/** A shell at a played terminal. */
export interface Terminal {
  readonly client: FakeClient;
  readonly screen: Sink;
  readonly ended: Promise<number>;
  /** Types `keys` as they come from a keyboard. */
  type(keys: string): void;
  /** Types a line, resolves with what was printed up to the next prompt. */
  enter(line: string): Promise<string>;
}

const PROMPT = "titan-kv> ";

/** Opens a shell and waits for its prompt. */
export async function openTerminal(stage: Omit<Stage, "stdin"> = {}): Promise<Terminal> {
  const client = stage.client ?? new FakeClient();
  const keyboard = Object.assign(new PassThrough(), { isTTY: true });
  const screen = new Sink();
  screen.isTTY = true;
  const ended = runCli([], {
    stdin: keyboard,
    stdout: screen,
    stderr: screen,
    env: { TITAN_HISTORY: "", NO_COLOR: "1", ...stage.env },
    homeDirectory: "/nonexistent",
    version: "9.9.9",
    ...world(),
    openClient: async () => client,
    ...stage.ports,
  });
  await screen.until(PROMPT);
  return {
    client,
    screen,
    ended,
    type: (keys) => void keyboard.write(keys),
    async enter(line) {
      const from = screen.text.length;
      keyboard.write(`${line}\r`);
      const echoed = await screen.until("\n", from);
      const end = await screen.until(PROMPT, echoed);
      return screen.text.slice(echoed, end - PROMPT.length);
    },
  };
}
