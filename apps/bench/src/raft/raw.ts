/** What disk and wire take alone, for as many bytes as a small commit: the floor of its latency. */
import { once } from "node:events";
import { open } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { median } from "../closed-loop.js";
import { startServer } from "../server-process.js";
import { VALUE_BYTES } from "./work.js";

const FILE_BYTES = 4 * 1024 * 1024;
const WRITE_BYTES = 256;

/** Median of writing a little into a file that has its size already, and fdatasync, in ms. */
export async function rawSyncMs(directory: string, durationMs: number): Promise<number> {
  const file = await open(join(directory, "raw"), "w+");
  try {
    await file.write(Buffer.alloc(FILE_BYTES));
    await file.sync();
    const chunk = Buffer.alloc(WRITE_BYTES, 1);
    let at = 0;
    return await medianMs(durationMs, async () => {
      await file.write(chunk, 0, chunk.length, at);
      await file.datasync();
      at = (at + WRITE_BYTES) % FILE_BYTES;
    });
  } finally {
    await file.close();
  }
}

/** Median of a round trip over loopback TCP to another process, in ms. */
export async function rawRoundTripMs(durationMs: number): Promise<number> {
  const server = await startServer(join(import.meta.dirname, "raw-echo.js"), []);
  const socket = connect({ host: "127.0.0.1", port: Number(server.address), noDelay: true });
  try {
    await once(socket, "connect");
    const message = Buffer.alloc(VALUE_BYTES, 1);
    return await medianMs(durationMs, async () => {
      socket.write(message);
      for (let missing = message.length; missing > 0; ) {
        const [chunk] = (await once(socket, "data")) as [Buffer];
        missing -= chunk.length;
      }
    });
  } finally {
    socket.destroy();
    await server.stop();
  }
}

async function medianMs(durationMs: number, run: () => Promise<void>): Promise<number> {
  const end = performance.now() + durationMs;
  const found: number[] = [];
  for (let begin = performance.now(); begin < end; ) {
    await run();
    const done = performance.now();
    found.push(done - begin);
    begin = done;
  }
  return median(found);
}
