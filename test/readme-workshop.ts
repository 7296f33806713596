/**
 * A folder in which README snippets run as a reader would run them: the built packages are installed
 * beside them, the commands are on the PATH, and a node serves on a port of its own.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export const ROOT = dirname(import.meta.dirname);

/** The address that READMEs use; replaced by the node's real one. */
const DOCUMENTED_ENDPOINT = /\b(127\.0\.0\.1|localhost):7420\b/g;
/** Where programs of READMEs listen themselves; each is replaced by a free one. */
const DOCUMENTED_PEERS = ["127.0.0.1:7101", "127.0.0.1:7102", "127.0.0.1:7103"];

/** Different ones, on which nobody listens now. */
async function freeAddresses(count: number): Promise<string[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const addresses: string[] = [];
  for (const server of servers) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    addresses.push(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  }
  for (const server of servers) server.close();
  return addresses;
}

export class Workshop {
  readonly directory = mkdtempSync(join(tmpdir(), "titan-readme-"));
  private server: ChildProcess | undefined;
  private endpoint = "";
  private peers: readonly string[] = DOCUMENTED_PEERS;

  async start(): Promise<void> {
    this.installPackages();
    this.peers = await freeAddresses(DOCUMENTED_PEERS.length);
    const server = spawn(
      join(ROOT, "node_modules", ".bin", "titan-node"),
      ["--grpc-addr", "127.0.0.1:0", "--data-dir", join(this.directory, "server-data")],
      { stdio: ["ignore", "ignore", "inherit", "ipc"] },
    );
    this.server = server;
    this.endpoint = await new Promise<string>((resolve, reject) => {
      server.once("error", reject);
      server.once("exit", (code, signal) =>
        reject(new Error(`titan-node ended: ${String(code ?? signal)}`)),
      );
      server.on("message", (message: { type: string; address: string }) => {
        if (message.type === "listening") resolve(message.address);
      });
    });
  }

  /** Links every published package into node_modules with its peers, as `npm install` would. */
  private installPackages(): void {
    const modules = join(this.directory, "node_modules");
    mkdirSync(join(modules, "@types"), { recursive: true });
    mkdirSync(join(modules, "@titan"));
    symlinkSync(join(ROOT, "node_modules", "@types", "node"), join(modules, "@types", "node"));
    for (const folder of ["packages", "apps"]) {
      for (const name of readdirSync(join(ROOT, folder))) {
        const source = join(ROOT, folder, name);
        const manifest = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as {
          name: string;
          peerDependencies?: Record<string, string>;
        };
        symlinkSync(source, join(modules, manifest.name));
        for (const peer of Object.keys(manifest.peerDependencies ?? {})) {
          // Several packages may have the same.
          if (existsSync(join(modules, peer))) continue;
          mkdirSync(dirname(join(modules, peer)), { recursive: true });
          symlinkSync(join(source, "node_modules", peer), join(modules, peer));
        }
      }
    }
  }

  /** The code for this folder: the running node's address, and commands from the PATH without npx. */
  adapt(code: string): string {
    return DOCUMENTED_PEERS.reduce(
      (text, address, at) => text.replaceAll(address, this.peers[at] ?? address),
      code,
    )
      .replaceAll(DOCUMENTED_ENDPOINT, this.endpoint)
      .replaceAll(/\bnpx (titan[\w-]*)/g, "$1");
  }

  /** Runs a command in the folder; gives its standard output, throws when it fails. */
  run(command: string, args: readonly string[]): string {
    return execFileSync(command, args, {
      cwd: this.directory,
      encoding: "utf8",
      timeout: 30_000,
      env: {
        ...process.env,
        NO_COLOR: "1",
        PATH: `${join(ROOT, "node_modules", ".bin")}:${process.env["PATH"] ?? ""}`,
        TITAN_ENDPOINTS: this.endpoint,
      },
    });
  }

  async stop(): Promise<void> {
    const server = this.server;
    if (server !== undefined && server.exitCode === null && server.signalCode === null) {
      const ended = new Promise((resolve) => server.once("exit", resolve));
      server.kill("SIGTERM");
      await ended;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
