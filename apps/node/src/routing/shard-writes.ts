/** Takes commands to the leaders of their shards. */
import { encodeCommand } from "../shard/command-codec.js";
import { decodeResult, type ShardAnswer } from "../shard/result-codec.js";
import type { ShardUpkeep, ShardWrite, WriteId } from "../shard/shard-command.js";
import type { CallLimits } from "../shard/shard-replica.js";
import type { Attempts } from "./attempts.js";
import type { ClusterView } from "./cluster-view.js";
import type { ShardAccess } from "./shard-access.js";

export interface ShardWritesDeps {
  readonly view: ClusterView;
  readonly access: ShardAccess;
  readonly attempts: Attempts;
}

export type Body = ShardWrite | ShardUpkeep;
/** What comes of a command of a type. */
export type AnswerTo<Type extends Body["type"]> = Extract<ShardAnswer, { readonly type: Type }>;

/** Opening and closing a session twice is as good as once. */
const REPEATABLE: ReadonlySet<Body["type"]> = new Set<Body["type"]>([
  "open-session",
  "close-session",
]);

export class ShardWrites {
  readonly #deps: ShardWritesDeps;

  constructor(deps: ShardWritesDeps) {
    this.#deps = deps;
  }

  /** @throws KvError; its outcome says whether the command may have been applied */
  write<Command extends Body>(
    shard: number,
    body: Command,
    writeId: WriteId | undefined,
    limits: CallLimits,
  ): Promise<AnswerTo<Command["type"]>> {
    const isRepeatable = writeId !== undefined || REPEATABLE.has(body.type);
    const command = encodeCommand({ body, atMs: 0, writeId });
    return this.#propose(shard, command, isRepeatable, limits).then((bytes) => {
      const answer = decodeResult(bytes);
      if (answer.type !== body.type) throw new Error(`assertion: a result of a ${body.type}`);
      return answer as AnswerTo<Command["type"]>;
    });
  }

  #propose(
    shard: number,
    command: Uint8Array,
    isRepeatable: boolean,
    limits: CallLimits,
  ): Promise<Uint8Array> {
    const { view, access, attempts } = this.#deps;
    const errand = {
      ...{ shard, kind: "write" as const, isRepeatable },
      attempt: (node: number, left: CallLimits) => access.propose(node, shard, command, left),
    };
    const replica = view.replica(shard);
    // The shortest way, without anything around it.
    if (replica?.isLeader === true) {
      return replica
        .propose(command, limits)
        .catch((error: unknown) => attempts.run(errand, limits, { node: view.nodeNumber, error }));
    }
    return attempts.run(errand, limits);
  }
}
