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
  const refuseRead: Method = calls.read(() => Promise.reject(starting()));
  // A client has to be told that nothing was written.
  const refuseWrite: Method = calls.write(
    () => 0,
    () => Promise.reject(starting()),
  );
  const refuseStream: Method = calls.refusedStream(starting);
  const entries = Object.entries(KvServiceDefinition.methods).map(([name, method]) => {
    const isRead = "idempotencyLevel" in method.options;
    const refuse = isRead ? refuseRead : refuseWrite;
    const refused = method.responseStream ? refuseStream : refuse;
    const late: Method = (request, context) =>
      ((current() as Methods | undefined)?.[name] ?? refused)(request, context);
    return [name, late] as const;
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
