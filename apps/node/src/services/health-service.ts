/**
 * grpc.health.v1. The service of nice-grpc-server-health is not used, only its definition: its Watch
 * misses a change that comes while a frame is being sent, and nothing bounds its watchers.
 */
import { type CallContext, ServerError, type ServiceImplementation, Status } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";

/** What the node says of a service. */
export type Health = "serving" | "not-serving";

type CheckResponse = (typeof HealthDefinition)["methods"]["check"]["responseType"];
type ServingStatus = ReturnType<CheckResponse["decode"]>["status"];

/** As in health.proto's ServingStatus. */
const SERVING = toServingStatus(1);
const NOT_SERVING = toServingStatus(2);
const SERVICE_UNKNOWN = toServingStatus(3);

/** The enumeration itself is not exported, so its values come out of the codec: field 1, a varint. */
function toServingStatus(number: number): ServingStatus {
  return HealthDefinition.methods.check.responseType.decode(Uint8Array.of(0x08, number)).status;
}

/** Health of the whole node (service name "") and of each of its services: always the same. */
export class HealthState {
  readonly #names: ReadonlySet<string>;
  readonly #maxWatchers: number;
  readonly #watchers = new Set<() => void>();
  #health: Health = "not-serving";
  #isClosed = false;

  /** @param names full names of the services */
  constructor(names: readonly string[], maxWatchers: number) {
    this.#names = new Set(["", ...names]);
    this.#maxWatchers = maxWatchers;
  }

  /** Says so to all watchers. */
  set(health: Health): void {
    this.#health = health;
    this.#wakeWatchers();
  }

  /** Ends all watches after their last frame. */
  close(): void {
    this.#isClosed = true;
    this.#wakeWatchers();
  }

  #wakeWatchers(): void {
    for (const wake of this.#watchers) wake();
  }

  #statusOf(service: string): ServingStatus {
    if (!this.#names.has(service)) return SERVICE_UNKNOWN;
    return this.#health === "serving" ? SERVING : NOT_SERVING;
  }

  /** The service that answers from this state. */
  service(): ServiceImplementation<typeof HealthDefinition> {
    return {
      check: async ({ service }) => {
        const status = this.#statusOf(service);
        if (status === SERVICE_UNKNOWN) throw new ServerError(Status.NOT_FOUND, "unknown service");
        return { status };
      },
      watch: ({ service }, context) => this.#watch(service, context),
    };
  }

  async *#watch(service: string, { signal }: CallContext) {
    if (this.#watchers.size >= this.#maxWatchers) {
      throw new ServerError(Status.RESOURCE_EXHAUSTED, "too many health watches");
    }
    let isCurrent = false;
    let resume = () => {};
    const wake = () => {
      isCurrent = false;
      resume();
    };
    this.#watchers.add(wake);
    signal.addEventListener("abort", wake);
    try {
      while (!signal.aborted) {
        // Marked before the state is read, so that a change while the frame is sent is not missed.
        isCurrent = true;
        yield { status: this.#statusOf(service) };
        if (this.#isClosed) return;
        if (isCurrent) {
          await new Promise<void>((resolve) => {
            resume = resolve;
          });
        }
      }
    } finally {
      this.#watchers.delete(wake);
      signal.removeEventListener("abort", wake);
    }
  }
}
