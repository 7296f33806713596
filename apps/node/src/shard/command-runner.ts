/** Runs one command of a shard's log after the other on its state. */
import type { Bitcask } from "@titan/bitcask";
import { ByteReader, MalformedBytes } from "../wire/byte-reader.js";
import { dropKeyspace, expire } from "./apply-upkeep.js";
import { applyWrite, deleteOne, putOne } from "./apply-write.js";
import { type CommandHead, KINDS, readBody, readHead, readStoreKey } from "./command-codec.js";
import { refusal, toRefusal } from "./refusal.js";
import { encodePutResult, encodeResult } from "./result-codec.js";
import type { SessionTable } from "./session-table.js";
import type { ShardResult, ShardUpkeep, WriteId } from "./shard-command.js";
import type { ShardState } from "./shard-state.js";

const KIND_AT = 1;
const UPKEEP: ReadonlySet<string> = new Set<ShardUpkeep["type"]>([
  "expire",
  "drop-keyspace",
  "open-session",
  "close-session",
  "checksum",
]);

export class CommandRunner {
  readonly #db: Bitcask;
  readonly #state: ShardState;
  readonly #sessions: SessionTable;
  #hasChecksum = false;

  constructor(db: Bitcask, state: ShardState, sessions: SessionTable) {
    this.#db = db;
    this.#state = state;
    this.#sessions = sessions;
  }

  /** Whether what was gathered has to be written before the command runs: it looks at the store's order of keys. */
  needsFlush(data: Uint8Array): boolean {
    const kind = data[KIND_AT];
    return kind === KINDS.expire || kind === KINDS["drop-keyspace"];
  }

  /** Whether the last command asked for a checksum, once. */
  takeChecksum(): boolean {
    const has = this.#hasChecksum;
    this.#hasChecksum = false;
    return has;
  }

  /** @returns the encoded result; a command that cannot be read is refused, alike on all replicas */
  run(index: number, data: Uint8Array): Uint8Array {
    const reader = new ByteReader(data);
    let head: CommandHead;
    try {
      head = readHead(reader);
    } catch (error) {
      this.#state.begin(index, 0);
      return encodeResult(unreadable(error));
    }
    this.#state.begin(index, head.atMs);
    if (head.writeId !== undefined) return this.#runOnce(head.writeId, head.kind, reader);
    if (head.kind === KINDS.put) return this.#runPut(reader);
    return encodeResult(this.#decide(head.kind, reader));
  }

  /** In a session: only the first time. */
  #runOnce(writeId: WriteId, kind: number, reader: ByteReader): Uint8Array {
    const verdict = this.#sessions.judge(this.#state, writeId);
    if (verdict.kind === "again") return verdict.answer;
    if (verdict.kind === "refused") return encodeResult(verdict.refusal);
    const answer =
      kind === KINDS.put ? this.#runPut(reader) : encodeResult(this.#decide(kind, reader));
    this.#sessions.keep(this.#state, writeId, answer);
    return answer;
  }

  #runPut(reader: ByteReader): Uint8Array {
    const result = this.#put(reader);
    return result.type === "put" ? encodePutResult(result.revision) : encodeResult(result);
  }

  /** By far the most frequent command: without a detour over an object that describes it. */
  #put(reader: ByteReader): ShardResult {
    try {
      const storeKey = readStoreKey(reader);
      const ttlMs = reader.varint();
      if (isSystem(storeKey)) return systemKeyspace();
      return putOne(this.#state, storeKey, reader.rest(), ttlMs);
    } catch (error) {
      return unreadable(error);
    }
  }

  #decide(kind: number, reader: ByteReader): ShardResult {
    try {
      if (kind === KINDS.delete) {
        const storeKey = readStoreKey(reader);
        reader.expectEnd();
        return isSystem(storeKey) ? systemKeyspace() : deleteOne(this.#state, storeKey);
      }
      const body = readBody(reader, kind);
      reader.expectEnd();
      return isUpkeep(body) ? this.#upkeep(body) : applyWrite(this.#state, body);
    } catch (error) {
      return unreadable(error);
    }
  }

  #upkeep(upkeep: ShardUpkeep): ShardResult {
    switch (upkeep.type) {
      case "expire":
        return { type: "expire", isMore: expire(this.#db, this.#state, this.#sessions) };
      case "drop-keyspace":
        if (upkeep.keyspace === 0) return systemKeyspace();
        return {
          type: "drop-keyspace",
          isMore: dropKeyspace(this.#db, this.#state, upkeep.keyspace),
        };
      case "open-session": {
        const { sessionId, idleTimeoutMs } = upkeep;
        return (
          this.#sessions.open(this.#state, sessionId, idleTimeoutMs) ?? { type: "open-session" }
        );
      }
      case "close-session":
        this.#sessions.close(this.#state, upkeep.sessionId);
        return { type: "close-session" };
      case "checksum":
        this.#hasChecksum = true;
        return { type: "checksum", revision: this.#state.revision };
    }
  }
}

function isUpkeep(body: { readonly type: string }): body is ShardUpkeep {
  return UPKEEP.has(body.type);
}

function isSystem(storeKey: Uint8Array): boolean {
  return storeKey[0] === 0 && storeKey[1] === 0;
}

function systemKeyspace(): ShardResult {
  return refusal("FIELD_INVALID", "keyspace: 0 is the server's own");
}

function unreadable(error: unknown): ShardResult {
  if (!(error instanceof MalformedBytes)) return toRefusal(error);
  return refusal("FIELD_INVALID", `command: cannot be read: ${error.message}`);
}
