/** Runs a job in a process of its own. */
import { fork } from "node:child_process";
import { join } from "node:path";
import type { Job, JobMessage } from "./job.js";

const WORKER = join(import.meta.dirname, "worker.js");
/** The slowest peer takes minutes to load ten million keys. */
const TIMEOUT_MS = 30 * 60_000;
const HEAP_MEBIBYTES = 8192;

/** Never rejects: a worker that crashes or takes too long gives an error message. */
export function runInProcess(job: Job): Promise<JobMessage> {
  return new Promise((resolve) => {
    const child = fork(WORKER, [JSON.stringify(job)], {
      execArgv: ["--expose-gc", `--max-old-space-size=${HEAP_MEBIBYTES}`],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      timeout: TIMEOUT_MS,
    });
    let message: JobMessage | undefined;
    child.once("message", (received: JobMessage) => {
      message = received;
    });
    child.once("error", (error) => resolve({ error: error.message }));
    child.once("close", (code, signal) =>
      resolve(message ?? { error: `the process ended with ${signal ?? code ?? "nothing"}` }),
    );
  });
}
