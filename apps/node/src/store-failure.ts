/** A disk that failed a write ends the node: nothing more is acknowledged, and the process should end. */
import { isBitcaskError } from "@titan/bitcask";
import { KvError } from "./kv/kv-error.js";
import type { Logger } from "./logger.js";
import { NodeError } from "./node-error.js";
import type { Admission } from "./services/admission.js";
import type { HealthState } from "./services/health-service.js";

const POISONED: ReadonlySet<string> = new Set(["BITCASK_WRITE_FAILED", "BITCASK_SYNC_FAILED"]);
const MESSAGE =
  "a write to the disk failed. Nothing more is acknowledged; check the disk, then restart: " +
  "every acknowledged write is kept";

export class StoreFailure {
  /** Resolves when the disk has failed a write. Never rejects. */
  readonly happened: Promise<NodeError>;
  readonly #logger: Logger;
  #resolve: (error: NodeError) => void = () => undefined;
  #admissions: readonly Admission[] = [];
  #health: HealthState | undefined;
  #hasFailed = false;

  constructor(logger: Logger) {
    this.#logger = logger;
    this.happened = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** What is to refuse from then on. */
  guard(health: HealthState, admissions: readonly Admission[]): void {
    this.#health = health;
    this.#admissions = admissions;
  }

  /** The disk failed a write. */
  fail(cause: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#logger.error({ error: cause }, MESSAGE);
    this.#health?.set("not-serving");
    const refusal = new KvError({ code: "STORE_FAILED", message: MESSAGE });
    for (const admission of this.#admissions) admission.stop(refusal);
    this.#resolve(new NodeError("NODE_STORE_FAILED", MESSAGE, { cause }));
  }

  /** A group has stopped: if the disk is why, so has the node. */
  failBy(error: unknown): void {
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      if (isBitcaskError(cause) && POISONED.has(cause.code)) {
        this.fail(error);
        return;
      }
    }
  }
}
