/** Which keyspaces there are. */
import { invalidField, Refusal } from "./refusal.js";
import { checkTtl } from "./request-limits.js";

export interface MemoryKeyspace {
  readonly name: string;
  /** Never used again. */
  readonly number: number;
  /** 0: values do not expire. */
  readonly defaultTtlMs: number;
}

const NAME = /^[a-z][a-z0-9_-]{0,63}$/;
const MOST = 1024;
const DEFAULT: MemoryKeyspace = { name: "default", number: 1, defaultTtlMs: 0 };

export class MemoryKeyspaces {
  private readonly byName = new Map([[DEFAULT.name, DEFAULT]]);
  private nextNumber = DEFAULT.number + 1;

  /** By name. */
  list(): readonly MemoryKeyspace[] {
    return [...this.byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @param name "": the default one. @throws Refusal `KEYSPACE_UNKNOWN` */
  get(name: string): MemoryKeyspace {
    const found = this.byName.get(name === "" ? DEFAULT.name : name);
    if (found !== undefined) return found;
    const shown = name.slice(0, 64);
    const message = `there is no keyspace ${JSON.stringify(shown)}`;
    throw new Refusal("KEYSPACE_UNKNOWN", message, { keyspace: shown });
  }

  /** @throws Refusal `FIELD_INVALID`, `KEYSPACE_EXISTS`, `CLUSTER_STATE` */
  create(name: string, defaultTtlMs: number): void {
    checkTtl(defaultTtlMs);
    if (!NAME.test(name)) {
      const problem = '1 to 64 of a-z, 0-9, "-", "_", beginning with a letter';
      throw invalidField("keyspace.name", problem);
    }
    if (this.byName.has(name)) {
      const message = `there is a keyspace ${name} already`;
      throw new Refusal("KEYSPACE_EXISTS", message, { keyspace: name });
    }
    if (this.byName.size >= MOST) {
      throw new Refusal("CLUSTER_STATE", `there are ${MOST} keyspaces already`);
    }
    this.byName.set(name, { name, number: this.nextNumber, defaultTtlMs });
    this.nextNumber += 1;
  }

  /** @returns the keyspace whose keys are to go. @throws Refusal `FIELD_INVALID`, `KEYSPACE_UNKNOWN` */
  drop(name: string): MemoryKeyspace {
    if (name === DEFAULT.name) {
      throw invalidField("name", `the keyspace ${DEFAULT.name} cannot be dropped`);
    }
    const dropped = this.get(name);
    this.byName.delete(name);
    return dropped;
  }
}
