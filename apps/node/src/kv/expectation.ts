/** Whether a key's state is as a conditional write expects it. */
import type { Entry } from "./entry.js";
import type { Expectation } from "./requests.js";

export function meets(entry: Entry | undefined, expected: Expectation): boolean {
  switch (expected.type) {
    case "absent":
      return (entry === undefined) === expected.absent;
    case "revision":
      return (entry?.revision ?? 0) === expected.revision;
    case "value":
      return entry !== undefined && Buffer.compare(entry.value, expected.value) === 0;
  }
}
