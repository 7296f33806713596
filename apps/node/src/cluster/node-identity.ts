/**
 * Who a node is, in `node.json` of its data directory:
 *
 *   {"format":2,"nodeId":"…","joinToken":"…","member":{"clusterId":"…","number":n}}
 *
 * `joinToken` is drawn once for a directory: a node that comes back without it has lost its disk, and with that
 * its votes and what it acknowledged. `member` is absent until the node belongs to a cluster. Beside it,
 * `cluster-map.json` is the newest map that the node knew: it says where the others are before they are asked.
 * Format 1 was a record within the store of the server that had one node.
 */
import type { FileSystem } from "@titan/bitcask";
import { z } from "zod";
import { NodeError } from "../node-error.js";
import type { ClusterMap } from "./cluster-map.js";
import { readFileIfAny, replaceFile } from "./durable-file.js";
import { decodeMap, encodeMap } from "./map-schema.js";

const FORMAT = 2;
const IDENTITY_FILE = "node.json";
const MAP_FILE = "cluster-map.json";
/** Of the server that had one node. */
const OLD_STORE_DIRECTORY = "store";
const LOG_DIRECTORIES = ["raft", "log"] as const;
const SNAPSHOT_DIRECTORIES = ["raft", "snapshots"] as const;

const identitySchema = z.strictObject({
  format: z.literal(FORMAT),
  nodeId: z.string().min(1),
  joinToken: z.string().min(16),
  member: z.strictObject({ clusterId: z.string().min(1), number: z.int().min(1) }).optional(),
});

/** What a node is in its cluster. */
export interface Membership {
  readonly clusterId: string;
  readonly number: number;
}

export interface NodeIdentity {
  readonly nodeId: string;
  readonly joinToken: string;
  readonly member: Membership | undefined;
}

/** A node's data directory, as far as it is about who the node is. */
export class NodeDirectory {
  readonly path: string;
  readonly #fileSystem: FileSystem;
  /** Writes of the map, one after the other. */
  #writing: Promise<void> = Promise.resolve();

  constructor(fileSystem: FileSystem, path: string) {
    this.path = path;
    this.#fileSystem = fileSystem;
  }

  get logPath(): string {
    return this.#fileSystem.join(this.path, ...LOG_DIRECTORIES);
  }

  get snapshotPath(): string {
    return this.#fileSystem.join(this.path, ...SNAPSHOT_DIRECTORIES);
  }

  get shardsPath(): string {
    return this.#fileSystem.join(this.path, "shards");
  }

  /**
   * To be called before the log is opened, which makes one where there is none.
   * @throws NodeError `NODE_DATA_OLDER`, `NODE_DATA_NEWER`, `NODE_DATA_DAMAGED`
   */
  async read(): Promise<NodeIdentity | undefined> {
    const bytes = await readFileIfAny(this.#fileSystem, this.#join(IDENTITY_FILE));
    if (bytes === undefined) {
      await this.#refuseOldStore();
      return undefined;
    }
    const identity = this.#parse(bytes);
    const hasLog = (await this.#fileSystem.stat(this.logPath)) !== undefined;
    if (identity.member !== undefined && !hasLog) {
      throw this.#damaged(
        `the log of node ${identity.nodeId} is gone (${this.logPath}). It held votes and acknowledged writes`,
      );
    }
    return identity;
  }

  /**
   * A node without an identity has written nothing but its log's first file.
   * @param groups that the log holds anything of
   * @throws NodeError `NODE_DATA_DAMAGED`
   */
  assertUnused(groups: readonly number[]): void {
    if (groups.length === 0) return;
    throw this.#damaged(`${IDENTITY_FILE} is missing, though the log of a node is there`);
  }

  /** Resolves once it is durable. */
  write(identity: NodeIdentity): Promise<void> {
    const { nodeId, joinToken, member } = identity;
    const content = { format: FORMAT, nodeId, joinToken, member };
    return this.#replace(IDENTITY_FILE, Buffer.from(`${JSON.stringify(content)}\n`));
  }

  /** The newest map that was saved. @throws NodeError `NODE_DATA_DAMAGED` */
  async readMap(): Promise<ClusterMap | undefined> {
    const bytes = await readFileIfAny(this.#fileSystem, this.#join(MAP_FILE));
    if (bytes === undefined) return undefined;
    try {
      return decodeMap(bytes);
    } catch (error) {
      throw this.#damaged(`${MAP_FILE} is not readable`, error);
    }
  }

  /** Resolves once it is durable. */
  async writeMap(map: ClusterMap): Promise<void> {
    const write = this.#writing.then(() => this.#replace(MAP_FILE, encodeMap(map)));
    this.#writing = write.catch(() => undefined);
    await write;
  }

  async #replace(name: string, content: Uint8Array): Promise<void> {
    await this.#fileSystem.makeDirectory(this.path);
    await replaceFile(this.#fileSystem, this.path, name, content);
  }

  #join(...names: readonly string[]): string {
    return this.#fileSystem.join(this.path, ...names);
  }

  #parse(bytes: Uint8Array): NodeIdentity {
    let content: unknown;
    try {
      content = JSON.parse(Buffer.from(bytes).toString("utf8"));
    } catch (error) {
      throw this.#damaged(`${IDENTITY_FILE} is not readable`, error);
    }
    const version = z.object({ format: z.int() }).safeParse(content);
    if (version.success && version.data.format > FORMAT) {
      throw new NodeError(
        "NODE_DATA_NEWER",
        `data directory ${this.path} has layout ${version.data.format}, this version reads up to ${FORMAT}: ` +
          "run a newer titan-node; nothing was changed",
      );
    }
    const result = identitySchema.safeParse(content);
    if (!result.success) throw this.#damaged(`${IDENTITY_FILE} is not readable`, result.error);
    const { nodeId, joinToken, member } = result.data;
    return { nodeId, joinToken, member };
  }

  async #refuseOldStore(): Promise<void> {
    if ((await this.#fileSystem.stat(this.#join(OLD_STORE_DIRECTORY))) === undefined) return;
    throw new NodeError(
      "NODE_DATA_OLDER",
      `data directory ${this.path} was written by a version without clusters; its keys are in ` +
        `${this.#join(OLD_STORE_DIRECTORY)}, a store of @titan/bitcask. Start with another --data-dir, and copy the ` +
        "keys over with that version and this one running side by side; nothing was changed",
    );
  }

  #damaged(problem: string, cause?: unknown): NodeError {
    return new NodeError(
      "NODE_DATA_DAMAGED",
      `data directory ${this.path}: ${problem}. Never go on with part of a node's files: if the node belonged to a ` +
        "cluster, remove it there (titan leave) and start it with an empty --data-dir and --join; if it was " +
        "alone, restore the whole directory from a copy",
      cause === undefined ? undefined : { cause },
    );
  }
}
