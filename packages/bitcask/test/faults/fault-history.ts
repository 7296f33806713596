/** What a caller knows for certain of a store whose disk fails: per key, the values that it may have. */
import type { Write } from "../crash/history.js";

type Value = string | undefined;

export class FaultHistory {
  private readonly allowed = new Map<string, Set<Value>>();

  /** The write was answered with success: its keys have its values, and no others. */
  applied(write: Write): void {
    for (const [key, value] of outcomes(write)) this.allowed.set(key, new Set([value]));
  }

  /** The write may have happened. */
  unknown(write: Write): void {
    for (const [key, value] of outcomes(write)) this.of(key).add(value);
  }

  /**
   * Notes what a reader was shown, `undefined` for an absent key. What was shown once must be there
   * until the next write, whatever happens: every write of these runs asks to be durable.
   * @throws Error when the key cannot have that value
   */
  show(key: string, found: Value, what: string): void {
    const allowed = this.of(key);
    if (allowed.has(found)) {
      this.allowed.set(key, new Set([found]));
      return;
    }
    const list = [...allowed].map((value) => String(value)).join(" or ");
    throw new Error(`${what}: "${key}" is ${found}, must be ${list}`);
  }

  private of(key: string): Set<Value> {
    const allowed = this.allowed.get(key) ?? new Set<Value>([undefined]);
    this.allowed.set(key, allowed);
    return allowed;
  }
}

function outcomes(write: Write): Map<string, Value> {
  const last = new Map<string, Value>();
  for (const operation of write.operations) {
    const value = operation.type === "put" ? String(operation.value) : undefined;
    last.set(String(operation.key), value);
  }
  return last;
}
