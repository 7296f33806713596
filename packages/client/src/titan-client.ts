/** Where a client is put together. */
import type { TitanClient as Api } from "./api.js";
import { Caller } from "./caller.js";
import { createGrpcTransport } from "./grpc-transport.js";
import type { Key } from "./keys.js";
import { type Connections, KvClient } from "./kv-client.js";
import { type ClientOptions, resolveOptions, type TitanClientConstructor } from "./options.js";
import type { ClientPorts } from "./ports.js";
import { Scanner } from "./scanner.js";
import { systemClock, systemRandom } from "./system-ports.js";
import { resolveValues } from "./values.js";
import { Watcher } from "./watcher.js";

/** A client of values `V` whose keys come back as `K`. */
export type TitanClient<V = string, K extends Key = string> = Api<V, K>;

/** Makes clients: `new TitanClient({ endpoints: ["127.0.0.1:7420"] })`. */
export const TitanClient: TitanClientConstructor = class TitanClient extends KvClient<
  never,
  never
> {
  constructor(options: ClientOptions = {}, ports: Partial<ClientPorts> = {}) {
    super(connect(options, ports), resolveValues(options.values ?? "string") as never);
  }
};

function connect(options: ClientOptions, given: Partial<ClientPorts>): Connections {
  const resolved = resolveOptions(options);
  const clock = given.clock ?? systemClock;
  const caller = new Caller(resolved, {
    clock,
    random: given.random ?? systemRandom,
    transport: given.transport ?? createGrpcTransport(resolved, clock),
  });
  const { maxConcurrentScans, maxConcurrentWatches, maxMessageBytes } = resolved;
  const limits = { maxConcurrent: maxConcurrentWatches, maxHeldBytes: maxMessageBytes };
  return {
    options: resolved,
    caller,
    scanner: new Scanner(caller, maxConcurrentScans),
    watcher: new Watcher(caller, limits),
  };
}
