/**
 * Runs seeds of a bundled simulator in a thread of its own, as a planted bug may never come to an end:
 * tells of each seed before it runs it and of what was found, and stops at the first violation.
 */

import { parentPort, workerData } from "node:worker_threads";

const { bundle, rig, seeds } = workerData;
const { rigs } = await import(bundle);
const runSeed = rigs[rig];
// What a broken host leaves unhandled is a finding as well.
let stray;
process.on("unhandledRejection", (error) => {
  stray ??= `unhandled: ${error}`;
});
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- between threads
const send = (message) => parentPort.postMessage(message);
for (const seed of seeds) {
  send({ seed });
  const violation = (await runSeed(seed)) ?? stray;
  if (violation === undefined) continue;
  send({ seed, violation });
  break;
}
send({ isOver: true });
