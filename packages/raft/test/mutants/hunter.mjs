/**
 * Runs seeds of a bundled simulator in a thread of its own, as a planted bug may never come to an end:
 * tells of each seed before it runs it and of what was found, and stops at the first violation.
 */

import { setImmediate } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

const { bundle, rig, seeds } = workerData;
let stray;
process.on("unhandledRejection", (error) => {
  stray ??= String(error);
});
const { rigs } = await import(bundle);
const runSeed = rigs[rig];
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- between threads
const send = (message) => parentPort.postMessage(message);
for (const seed of seeds) {
  send({ seed });
  const seen = await runSeed(seed);
  // What nobody handles is told only when all that is ready to run has run.
  await setImmediate();
  if (seen === undefined && stray === undefined) continue;
  send({ seed, seen, stray });
  break;
}
send({ isOver: true });
