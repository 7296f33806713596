/**
 * One writing process per directory. The file `lock` names its holder; whoever links it first holds
 * it. A lock whose holder is dead is taken over without a race:
 *
 * - Every lock has a nonce. Only the process that creates `lock.takeover-<nonce>` (exclusively) may
 *   remove the lock with that nonce, and it looks again before it does.
 * - A takeover file is a lock like any other: when its owner dies, the same rule removes it.
 *
 * A holder that cannot be looked up, because it is in another container, may show that it runs at
 * `lock.<nonce>.socket`. A holder of which nothing is known is respected.
 *
 * Files appear by linking a complete, synced one, so no reader sees half a name.
 */
import { crc32 } from "node:zlib";
import { BitcaskError } from "./errors.js";
import { posixCode, toBitcaskError } from "./io-errors.js";
import type { FileSystem, ProcessIdentity, ProcessTable, Random } from "./ports.js";
import { createSyncedFile, readSmallFile, unlinkIfPresent } from "./small-file.js";

const LOCK_NAME = "lock";
function socketName(nonce: string): string {
  return `lock.${nonce}.socket`;
}

function socketPath(fileSystem: FileSystem, directory: string, nonce: string): string {
  return fileSystem.join(directory, socketName(nonce));
}

/** Rounds of losing a race before giving up; each needs another process to have come and gone. */
const MAX_ATTEMPTS = 16;

/**
 * Locks that this process has given up although their file could not be removed. Only such a lock may
 * be taken from a process that lives, and only by itself.
 */
const givenUp = new Set<string>();

interface LockHolder extends ProcessIdentity {
  readonly nonce: string;
}

interface Acquired {
  readonly nonce: string;
  readonly hasTakenOver: boolean;
  /** Ends what shows to other containers that we run. */
  readonly stopAnnouncing: () => void;
}

export interface LockDependencies {
  readonly fileSystem: FileSystem;
  readonly processes: ProcessTable;
  readonly random: Random;
}

export class DirectoryLock {
  private readonly dependencies: LockDependencies;
  private readonly directory: string;
  private readonly path: string;
  private readonly nonce: string;
  private readonly stopAnnouncing: () => void;
  /** Whether a lock of a dead process was removed on the way. */
  readonly hasTakenOver: boolean;

  private constructor(dependencies: LockDependencies, directory: string, acquired: Acquired) {
    this.dependencies = dependencies;
    this.directory = directory;
    this.path = dependencies.fileSystem.join(directory, LOCK_NAME);
    this.nonce = acquired.nonce;
    this.hasTakenOver = acquired.hasTakenOver;
    this.stopAnnouncing = acquired.stopAnnouncing;
  }

  /** @throws BitcaskError `BITCASK_LOCKED` naming the holder */
  static async acquire(dependencies: LockDependencies, directory: string): Promise<DirectoryLock> {
    const attempt = new LockAttempt(dependencies, directory);
    try {
      return new DirectoryLock(dependencies, directory, await attempt.acquire());
    } catch (error) {
      throw toBitcaskError(error, {
        action: "lock",
        file: directory,
        otherwise: "BITCASK_WRITE_FAILED",
      });
    }
  }

  /** Gives the directory free. */
  async release(): Promise<void> {
    this.stopAnnouncing();
    try {
      await unlinkIfPresent(this.dependencies.fileSystem, this.path);
    } catch (error) {
      givenUp.add(this.nonce);
      throw toBitcaskError(error, {
        action: "remove the lock",
        file: this.path,
        otherwise: "BITCASK_WRITE_FAILED",
      });
    }
  }

  /** Whether a name in the directory belongs to the lock. */
  static owns(name: string): boolean {
    return name === LOCK_NAME || /^lock\.(takeover-)?[0-9a-f]{16}(\.tmp|\.socket)?$/.test(name);
  }

  /** Removes what crashed openers left beside the lock. */
  async removeLeftovers(names: readonly string[]): Promise<void> {
    const { fileSystem } = this.dependencies;
    for (const name of names) {
      // An opener that loses its file to this makes another. A claim on a lock that is not ours is
      // a claim on one that is gone, and its owner finds nothing to remove.
      const ours = [LOCK_NAME, `lock.takeover-${this.nonce}`, socketName(this.nonce)];
      const isOurs = ours.includes(name);
      if (!DirectoryLock.owns(name) || isOurs) continue;
      await unlinkIfPresent(fileSystem, fileSystem.join(this.directory, name));
    }
  }
}

class LockAttempt {
  private readonly fileSystem: FileSystem;
  private readonly processes: ProcessTable;
  private readonly random: Random;
  private readonly directory: string;

  constructor({ fileSystem, processes, random }: LockDependencies, directory: string) {
    this.fileSystem = fileSystem;
    this.processes = processes;
    this.random = random;
    this.directory = directory;
  }

  async acquire(): Promise<Acquired> {
    let hasTakenOver = false;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const nonce = this.newNonce();
      // Before the lock is there: a holder that is respected for not answering would be so for ever.
      const path = socketPath(this.fileSystem, this.directory, nonce);
      const stopAnnouncing = (await this.processes.announce?.(path)) ?? (() => undefined);
      try {
        if (await this.create(LOCK_NAME, nonce)) return { nonce, hasTakenOver, stopAnnouncing };
      } catch (error) {
        stopAnnouncing();
        throw error;
      }
      stopAnnouncing();
      const holder = await this.holderOf(LOCK_NAME);
      if (holder === undefined) continue; // Released this moment.
      await this.removeDead(LOCK_NAME, holder);
      hasTakenOver = true;
    }
    throw this.locked("other processes keep taking its lock; try again", undefined);
  }

  /** @throws BitcaskError `BITCASK_LOCKED` unless the holder is known to be dead */
  private async removeDead(name: string, holder: LockHolder): Promise<void> {
    await this.assertDead(holder);
    const claim = `lock.takeover-${holder.nonce}`;
    if (!(await this.create(claim, this.newNonce()))) {
      const rival = await this.holderOf(claim);
      if (rival !== undefined) await this.removeDead(claim, rival);
      return;
    }
    try {
      // A rival may have finished between our look and our claim: remove only what we looked at.
      const current = await this.holderOf(name);
      if (current?.nonce === holder.nonce) {
        await unlinkIfPresent(this.fileSystem, this.fileSystem.join(this.directory, name));
      }
    } finally {
      await unlinkIfPresent(this.fileSystem, this.fileSystem.join(this.directory, claim));
    }
  }

  private async assertDead(holder: LockHolder): Promise<void> {
    if (givenUp.has(holder.nonce)) return;
    let state = this.processes.isAlive(holder);
    if (state === "unknown") {
      const path = socketPath(this.fileSystem, this.directory, holder.nonce);
      state = (await this.processes.answers?.(holder, path)) ?? "unknown";
    }
    if (state === "dead") return;
    const self = this.processes.self();
    const isSelf = holder.pid === self.pid && holder.startToken === self.startToken;
    const who = `process ${holder.pid} on ${holder.host}${isSelf ? " (this process)" : ""}`;
    const advice =
      state === "unknown"
        ? "; it is on another machine or in another container, and nobody here can tell whether it " +
          "still runs: if it does not, remove the file `lock`"
        : "; close the store there first";
    throw this.locked(`${who} holds it${advice}`, undefined);
  }

  /** Creates the lock `name` in our name. @returns false when it is taken */
  private async create(name: string, nonce: string): Promise<boolean> {
    const path = this.fileSystem.join(this.directory, name);
    const aside = this.fileSystem.join(this.directory, `lock.${nonce}.tmp`);
    const holder: LockHolder = { ...this.processes.self(), nonce };
    await createSyncedFile(this.fileSystem, aside, encodeHolder(holder));
    try {
      await this.fileSystem.link(aside, path);
      return true;
    } catch (error) {
      // ENOENT: a process that holds the lock tidied our file away.
      const code = posixCode(error);
      if (code === "EEXIST" || code === "ENOENT") return false;
      throw error;
    } finally {
      // Whether the lock is ours is decided; a left-over name is tidied up by the next opening.
      await this.fileSystem.unlink(aside).catch(() => undefined);
    }
  }

  private async holderOf(name: string): Promise<LockHolder | undefined> {
    const path = this.fileSystem.join(this.directory, name);
    let bytes: Buffer | undefined;
    try {
      bytes = await readSmallFile(this.fileSystem, path);
    } catch (error) {
      if (posixCode(error) === "ENOENT") return undefined;
      throw error;
    }
    if (bytes === undefined) return undefined;
    const holder = parseHolder(bytes);
    if (holder !== undefined) return holder;
    throw this.locked(
      `the file ${path} names no holder; when no process uses the store, remove it`,
      path,
    );
  }

  private newNonce(): string {
    const half = () =>
      this.random
        .nextInt(2 ** 32)
        .toString(16)
        .padStart(8, "0");
    return half() + half();
  }

  private locked(why: string, file: string | undefined): BitcaskError {
    const message = `the store in ${this.directory} is in use: ${why}`;
    return new BitcaskError({ code: "BITCASK_LOCKED", message, file });
  }
}

/** With a checksum: a holder that rot has made another would be taken for dead. */
function encodeHolder(holder: LockHolder): Buffer {
  const text = JSON.stringify(holder);
  return Buffer.from(`${text}\n${checksumOf(text)}\n`);
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}

function parseHolder(bytes: Buffer): LockHolder | undefined {
  const [text = "", checksum, ...rest] = bytes.toString("utf8").split("\n");
  if (checksum !== checksumOf(text) || rest.join() !== "") return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const { pid, host, startToken, nonce } = parsed as Record<keyof LockHolder, unknown>;
  const isHolder =
    typeof pid === "number" &&
    typeof host === "string" &&
    typeof startToken === "string" &&
    typeof nonce === "string" &&
    /^[0-9a-f]{16}$/.test(nonce);
  return isHolder ? { pid, host, startToken, nonce } : undefined;
}
