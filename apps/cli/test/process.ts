/** Runs the built commands as processes: `titan`, and `titan-node` to talk to. */
import { Buffer } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export const BINARY = join(import.meta.dirname, "..", "bin", "titan.js");

export interface ProcessResult {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface ProcessStage {
  readonly endpoint?: string;
  readonly stdin?: string | Uint8Array;
}

/** Environment of a user who has set nothing but, perhaps, where the server is. */
export function environment(endpoint?: string): NodeJS.ProcessEnv {
  const { PATH, TMPDIR } = process.env;
  const env = { PATH, TMPDIR, NO_COLOR: "1", TITAN_HISTORY: "" };
  return endpoint === undefined ? env : { ...env, TITAN_ENDPOINTS: endpoint };
}

/** Runs `titan ...words` to its end. */
export function runTitan(
  words: readonly string[],
  { endpoint, stdin }: ProcessStage = {},
): Promise<ProcessResult> {
  return run(process.execPath, [BINARY, ...words], endpoint, stdin);
}

/** Runs a script of bash in which `titan` is the command, with pipefail. */
export function runBash(script: string, endpoint?: string): Promise<ProcessResult> {
  const titan = `titan() { "${process.execPath}" "${BINARY}" "$@"; }`;
  return run("bash", ["--norc", "-o", "pipefail", "-c", `${titan}\n${script}`], endpoint, "");
}

async function run(
  command: string,
  args: readonly string[],
  endpoint: string | undefined,
  stdin: string | Uint8Array | undefined,
): Promise<ProcessResult> {
  const child = spawn(command, args, { env: environment(endpoint), timeout: 20_000 });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // A command may end without reading its input.
  child.stdin.on("error", () => {});
  child.stdin.end(stdin ?? "");
  const [code] = (await once(child, "close")) as [number | null];
  return {
    code,
    stdout: Buffer.concat(stdout),
    stderr: Buffer.concat(stderr).toString(),
  };
}

/** A titan-node of its own, on a free port, with its data in a scratch directory. */
export class Server {
  readonly endpoint: string;
  private readonly child: ChildProcess;
  private readonly directory: string;

  private constructor(endpoint: string, child: ChildProcess, directory: string) {
    this.endpoint = endpoint;
    this.child = child;
    this.directory = directory;
  }

  static async start(): Promise<Server> {
    const manifest = createRequire(import.meta.url).resolve("@titan/node/package.json");
    const binary = join(dirname(manifest), "bin", "titan-node.js");
    const directory = mkdtempSync(join(tmpdir(), "titan-cli-server-"));
    const args = ["--grpc-addr", "127.0.0.1:0", "--data-dir", directory, "--sync", "never"];
    const child = spawn(process.execPath, [binary, ...args], {
      env: environment(),
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const endpoint = await new Promise<string>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`titan-node ended with ${String(code)}`)));
      child.on("message", (message: { type: string; address: string }) => {
        if (message.type === "listening") resolve(message.address);
      });
    });
    return new Server(endpoint, child, directory);
  }

  /** Stops the process in its tracks, its connections open, as a machine that hangs does. */
  freeze(): void {
    this.child.kill("SIGSTOP");
  }

  thaw(): void {
    this.child.kill("SIGCONT");
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null) {
      const ended = once(this.child, "exit");
      this.child.kill("SIGTERM");
      await ended;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
