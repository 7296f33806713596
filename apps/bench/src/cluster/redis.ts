/** One Redis server that syncs every write, and ioredis with autopipelining: Debian's package redis-server. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { freeAddresses, waitUntil } from "@titan/testkit";
import { loadClientPeer } from "./client-peers.js";
import type { Way } from "./way.js";

interface RedisClient {
  connect(): Promise<void>;
  on(event: "error", listener: () => void): unknown;
  set(key: Buffer, value: Buffer): Promise<unknown>;
  get(key: Buffer): Promise<unknown>;
  disconnect(): void;
}

interface RedisModule {
  readonly Redis: new (options: {
    readonly host: string;
    readonly port: number;
    readonly enableAutoPipelining: boolean;
    readonly lazyConnect: boolean;
  }) => RedisClient;
}

const START_TIMEOUT_MS = 10_000;

export class Redis implements Way {
  readonly #server: ChildProcess;
  readonly #client: RedisClient;

  /** @returns undefined, with a word on stderr, where the server or the client cannot be had */
  static async start(directory: string): Promise<Redis | undefined> {
    const ioredis = loadClientPeer("ioredis") as RedisModule | undefined;
    if (ioredis === undefined) return undefined;
    const [address = ""] = await freeAddresses(1);
    const [host = "", port = ""] = address.split(":");
    await mkdir(directory, { recursive: true });
    const args = ["--bind", host, "--port", port, "--dir", directory, "--save", ""];
    args.push("--appendonly", "yes", "--appendfsync", "always");
    const server = spawn("redis-server", args, { stdio: "ignore" });
    const problem = await Promise.race([
      once(server, "error").then(([error]) => (error as Error).message),
      once(server, "spawn").then(() => undefined),
    ]);
    if (problem !== undefined) {
      console.error(`without redis: ${problem}`);
      return undefined;
    }
    // It would outlive us otherwise.
    const end = (): unknown => server.kill("SIGKILL");
    process.once("exit", end);
    server.once("exit", () => process.off("exit", end));
    const options = { host, port: Number(port), enableAutoPipelining: true, lazyConnect: true };
    const client = await waitUntil(
      async () => {
        const one = new ioredis.Redis(options);
        // What it says of the server that is not up yet is thrown as well.
        one.on("error", () => {});
        try {
          await one.connect();
          return one;
        } catch {
          one.disconnect();
          return undefined;
        }
      },
      { what: "redis to serve", timeoutMs: START_TIMEOUT_MS },
    );
    return new Redis(server, client);
  }

  private constructor(server: ChildProcess, client: RedisClient) {
    this.#server = server;
    this.#client = client;
  }

  put(key: Buffer, value: Buffer): Promise<unknown> {
    return this.#client.set(key, value);
  }

  get(key: Buffer): Promise<unknown> {
    return this.#client.get(key);
  }

  async close(): Promise<void> {
    this.#client.disconnect();
    const ended = once(this.#server, "exit");
    this.#server.kill("SIGTERM");
    await ended;
  }
}
