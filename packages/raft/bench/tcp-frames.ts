/**
 * What a frame over TCP costs: two transports in one process, frames of a fixed size, so many per turn.
 *
 *   npx tsup bench/tcp-frames.ts --out-dir <dir> --format esm
 *   node <dir>/tcp-frames.js [bytes] [frames per turn] [seconds]
 */

import { toNodeId } from "../src/core/ids.js";
import { TcpTransport } from "../src/transport/tcp-transport.js";
import type { TransportHandler } from "../src/transport/transport.js";
import { nodePorts } from "../src/wal/node-ports.js";

const [bytes = "128", perTurn = "100", seconds = "3"] = process.argv.slice(2);
const [A, B] = [toNodeId(1), toNodeId(2)];

class Counter implements TransportHandler {
  frames = 0;
  isUp = false;
  onFrame(): void {
    this.frames += 1;
  }
  onPeerState(): void {
    this.isUp = true;
  }
  async onStream(): Promise<void> {
    // Not used here.
  }
}

async function start(nodeId: number, handler: Counter): Promise<TcpTransport> {
  const listen = "127.0.0.1:0";
  const transport = new TcpTransport({ nodeId, cluster: "bench", listen, ports: nodePorts() });
  await transport.start(handler);
  return transport;
}

const nextTurn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function main(): Promise<void> {
  const [atA, atB] = [new Counter(), new Counter()];
  const [a, b] = [await start(A, atA), await start(B, atB)];
  a.setPeer(B, b.address);
  while (!atA.isUp) await nextTurn();
  const frame = new Uint8Array(Number(bytes));
  const begin = performance.now();
  const end = begin + Number(seconds) * 1000;
  const cpu = process.cpuUsage();
  let sent = 0;
  while (performance.now() < end) {
    for (let count = 0; count < Number(perTurn); count += 1) if (a.send(B, frame)) sent += 1;
    // No more than a few turns ahead, as in a conversation.
    while (sent - atB.frames > 4 * Number(perTurn)) await nextTurn();
    await nextTurn();
  }
  const elapsed = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    `${bytes} B, ${perTurn} per turn: ${Math.round(sent / elapsed)} frames/s,` +
      ` ${((user + system) / sent).toFixed(2)} µs of CPU each, both ends together`,
  );
  await a.close();
  await b.close();
}

await main();
