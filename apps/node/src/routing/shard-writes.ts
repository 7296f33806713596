/** Takes commands to the leaders of their shards. */
import { KvError } from "../kv/kv-error.js";
import { encodeCommand } from "../shard/command-codec.js";
import { decodeResult, type ShardAnswer } from "../shard/result-codec.js";
import type { ShardUpkeep, ShardWrite, WriteId } from "../shard/shard-command.js";
import type { CallLimits } from "../shard/shard-replica.js";
import { type Attempts, type FirstAttempt, opened } from "./attempts.js";
import type { ClusterView, RoutingClock } from "./cluster-view.js";
import type { ShardAccess } from "./shard-access.js";
import type { ShardRoutes } from "./shard-routes.js";

export interface ShardWritesDeps {
  readonly view: ClusterView;
  readonly access: ShardAccess;
  readonly attempts: Attempts;
  readonly routes: ShardRoutes;
  readonly clock: RoutingClock;
}

export type Body = ShardWrite | ShardUpkeep;
/** What comes of a command of a type. */
export type AnswerTo<Type extends Body["type"]> = Extract<ShardAnswer, { readonly type: Type }>;

/** Opening and closing a session twice is as good as once. */
const REPEATABLE: ReadonlySet<Body["type"]> = new Set<Body["type"]>([
  "open-session",
  "close-session",
]);

/** A refusal speaks of one attempt; one before it may have been applied. @throws KvError with an open outcome */
function openedRefusal(result: Uint8Array): Uint8Array {
  try {
    decodeResult(result);
    return result;
  } catch (error) {
    throw error instanceof KvError ? opened(error) : error;
  }
}

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
    const { view, access, routes, clock } = this.#deps;
    const replica = view.replica(shard);
    const isHere = replica?.isLeader === true;
    const node = isHere || isRepeatable ? view.nodeNumber : routes.likelyLeader(shard);
    if (node === undefined || (node === view.nodeNumber && !isHere)) {
      return this.#search(shard, { command, isRepeatable }, limits);
    }
    // The shortest ways, with nothing around them that is needed only when they fail.
    const startedMs = clock.monotonicMs();
    const done = isHere
      ? replica.propose(command, limits)
      : access.propose(node, shard, command, limits);
    return done.catch((error: unknown) =>
      this.#search(shard, { command, isRepeatable }, limits, { node, error, startedMs }),
    );
  }

  #search(
    shard: number,
    { command, isRepeatable }: { readonly command: Uint8Array; readonly isRepeatable: boolean },
    limits: CallLimits,
    first?: FirstAttempt,
  ): Promise<Uint8Array> {
    const { access, attempts } = this.#deps;
    const attempt = (node: number, left: CallLimits) => access.propose(node, shard, command, left);
    let mayBeApplied = false;
    const onOpen = (): void => {
      mayBeApplied = true;
    };
    return attempts
      .run({ shard, kind: "write", isRepeatable, attempt, onOpen }, limits, first)
      .then((result) => (mayBeApplied ? openedRefusal(result) : result));
  }
}
