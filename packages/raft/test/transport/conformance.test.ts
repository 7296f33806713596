import { ManualClock, SeededRandom } from "@titan/bitcask/testing";
import { describe, test } from "vitest";
import { transportConformance } from "../../src/testing/index.js";
import { LossyTransport, MemoryNetwork } from "../../src/transport/index.js";

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
