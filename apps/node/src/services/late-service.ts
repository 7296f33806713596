/** A service that is there before what it serves is: until then each of its calls is refused. */
import type { KvServiceImplementation } from "@titan/proto";
import { KvServiceDefinition } from "@titan/proto";
import { KvError } from "../kv/kv-error.js";
import type { Calls } from "./calls.js";

type Method = (request: never, context: never) => unknown;
type Methods = Readonly<Record<string, Method | undefined>>;

/** @param current the service, once it is there */
export function lateKvService(
  current: () => KvServiceImplementation | undefined,
  calls: Calls,
): KvServiceImplementation {
  const refuse: Method = calls.read(() => Promise.reject(starting()));
  const refuseStream: Method = calls.refusedStream(starting);
  const entries = Object.entries(KvServiceDefinition.methods).map(([name, { responseStream }]) => {
    const method: Method = (request, context) => {
      const serve = (current() as Methods | undefined)?.[name];
      return (serve ?? (responseStream ? refuseStream : refuse))(request, context);
    };
    return [name, method] as const;
  });
  return Object.fromEntries(entries) as unknown as KvServiceImplementation;
}

/** The refusal of a node that is not there yet. */
export function starting(): KvError {
  return new KvError({
    code: "NOT_SERVING",
    message: "the node is starting, or waits to be part of a cluster",
  });
}
