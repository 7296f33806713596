import { ManualClock, SeededRandom } from "@titan/bitcask/testing";
import { describe, test } from "vitest";
import { transportConformance } from "../../src/testing/index.js";
import { LossyTransport, MemoryNetwork, TcpTransport } from "../../src/transport/index.js";
import { nodePorts } from "../../src/wal/node-ports.js";

const nextTurn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("MemoryNetwork conforms to the Transport port", () => {
  transportConformance({
    test,
    open: async () => {
      const network = new MemoryNetwork();
      return {
        create: (id) => network.transport(id),
        addressOf: () => "",
        pass: nextTurn,
        close: async () => undefined,
      };
    },
  });
});

describe("LossyTransport without faults, over a network of virtual time, conforms as well", () => {
  transportConformance({
    test,
    open: async () => {
      const clock = new ManualClock();
      const random = new SeededRandom(3);
      const network = new MemoryNetwork({ clock, latencyMs: 1 });
      return {
        create: (id) => new LossyTransport({ inner: network.transport(id), clock, random }),
        addressOf: () => "",
        pass: async () => {
          clock.advance(1);
          await nextTurn();
        },
        close: async () => undefined,
      };
    },
  });
});

describe("TcpTransport over the loopback device conforms as well", () => {
  const waitAMillisecond = async (): Promise<void> =>
    new Promise((resolve) => setTimeout(resolve, 1));
  transportConformance({
    test,
    open: async () => ({
      create: (id) =>
        new TcpTransport({
          nodeId: id,
          cluster: "conformance",
          listen: "127.0.0.1:0",
          ports: nodePorts(),
        }),
      addressOf: (transport) => (transport as TcpTransport).address,
      pass: waitAMillisecond,
      close: async () => undefined,
    }),
  });
});
