/**
 * One writing process per directory. The file `lock` names its holder; whoever links it first holds
 * it. A dead holder's lock is taken over without a race:
 *
 * - each lock has a nonce, and only who creates `lock.takeover-<nonce>` may remove the lock of that
 *   nonce, after another look at it;
 * - a takeover file is a lock like any other: when its owner dies, the same rule removes it.
 *
 * Files appear by linking a complete one, so no reader sees half a name.
 */

import { posixCode, RaftWalError } from "./errors.js";
import type { ProcessIdentity, WalPorts } from "./ports.js";
import { createSyncedFile, readSmallFile, removeFile } from "./small-file.js";

const LOCK_NAME = "lock";
const MAX_LOCK_BYTES = 4096;
/** Lost races before giving up; in each, another process has come and gone. */
const MAX_ATTEMPTS = 16;

interface Holder extends ProcessIdentity {
  readonly nonce: string;
}

export interface DirectoryLock {
  /** Whether the lock of a dead process was removed on the way. */
  readonly hasTakenOver: boolean;
  release(): Promise<void>;
}

/** @throws RaftWalError `RAFT_WAL_LOCKED`, naming the holder */
export async function acquireLock(ports: WalPorts, directory: string): Promise<DirectoryLock> {
  const attempt = new LockAttempt(ports, directory);
  const hasTakenOver = await attempt.run();
  return { hasTakenOver, release: () => removeFile(ports.fileSystem, attempt.pathOf(LOCK_NAME)) };
}

class LockAttempt {
  readonly #ports: WalPorts;
  readonly #directory: string;

  constructor(ports: WalPorts, directory: string) {
    this.#ports = ports;
    this.#directory = directory;
  }

  pathOf(name: string): string {
    return this.#ports.fileSystem.join(this.#directory, name);
  }

  async run(): Promise<boolean> {
    let hasTakenOver = false;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      if (await this.#create(LOCK_NAME)) {
        await this.#removeLeftovers();
        return hasTakenOver;
      }
      const holder = await this.#holderOf(LOCK_NAME);
      if (holder === undefined) continue;
      await this.#removeDead(LOCK_NAME, holder);
      hasTakenOver = true;
    }
    throw this.#locked("other processes keep taking its lock; try again");
  }

  async #removeDead(name: string, holder: Holder): Promise<void> {
    this.#assertDead(holder);
    const claim = `lock.takeover-${holder.nonce}`;
    if (!(await this.#create(claim))) {
      const rival = await this.#holderOf(claim);
      if (rival !== undefined) await this.#removeDead(claim, rival);
      return;
    }
    try {
      // A rival may have finished between our look and our claim: remove only what we looked at.
      const current = await this.#holderOf(name);
      if (current?.nonce === holder.nonce) await this.#remove(name);
    } finally {
      await this.#remove(claim);
    }
  }

  #assertDead(holder: Holder): void {
    const state = this.#ports.processes.isAlive(holder);
    if (state === "dead") return;
    const self = this.#ports.processes.self();
    const isSelf = holder.pid === self.pid && holder.startToken === self.startToken;
    const who = `process ${holder.pid} on ${holder.host}${isSelf ? " (this process)" : ""}`;
    const advice =
      state === "unknown"
        ? "; this machine cannot tell whether it still runs: if it does not, remove the file `lock`"
        : "; close the log there first";
    throw this.#locked(`${who} holds it${advice}`);
  }

  /** Creates the lock `name` in our name; false when it is taken. */
  async #create(name: string): Promise<boolean> {
    const { fileSystem, random, processes } = this.#ports;
    const word = () =>
      random
        .nextInt(2 ** 32)
        .toString(16)
        .padStart(8, "0");
    const nonce = word() + word();
    const holder: Holder = { ...processes.self(), nonce };
    const draft = this.pathOf(`lock.${nonce}.new`);
    await createSyncedFile(fileSystem, draft, Buffer.from(JSON.stringify(holder)));
    try {
      await fileSystem.link(draft, this.pathOf(name));
      return true;
    } catch (error) {
      // ENOENT: the process that got the lock has tidied our draft away.
      const code = posixCode(error);
      if (code === "EEXIST" || code === "ENOENT") return false;
      throw error;
    } finally {
      await removeFile(fileSystem, draft);
    }
  }

  async #holderOf(name: string): Promise<Holder | undefined> {
    const path = this.pathOf(name);
    let bytes: Buffer | undefined;
    try {
      bytes = await readSmallFile(this.#ports.fileSystem, path, MAX_LOCK_BYTES);
    } catch (error) {
      if (posixCode(error) === "ENOENT") return undefined;
      throw error;
    }
    if (bytes === undefined) return undefined;
    const holder = parseHolder(bytes);
    if (holder !== undefined) return holder;
    throw this.#locked(`${path} names no holder; when no process uses the log, remove it`);
  }

  /** Drafts and claims of openers that crashed. */
  async #removeLeftovers(): Promise<void> {
    for (const name of await this.#ports.fileSystem.list(this.#directory)) {
      const isLeftover = /^lock\.([0-9a-f]{16}\.new|takeover-[0-9a-f]{16})$/.test(name);
      if (isLeftover) await this.#remove(name);
    }
  }

  async #remove(name: string): Promise<void> {
    await removeFile(this.#ports.fileSystem, this.pathOf(name));
  }

  #locked(why: string): RaftWalError {
    const message = `the log in ${this.#directory} is in use: ${why}`;
    return new RaftWalError({ code: "RAFT_WAL_LOCKED", message });
  }
}

function parseHolder(bytes: Buffer): Holder | undefined {
  try {
    const { pid, host, startToken, nonce } = JSON.parse(bytes.toString("utf8")) as Partial<Holder>;
    const isHolder =
      typeof pid === "number" &&
      typeof host === "string" &&
      typeof startToken === "string" &&
      typeof nonce === "string" &&
      /^[0-9a-f]{16}$/.test(nonce);
    return isHolder ? { pid, host, startToken, nonce } : undefined;
  } catch {
    return undefined;
  }
}
