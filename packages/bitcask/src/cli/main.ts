/** The process around the command. */
import { createReadStream } from "node:fs";
import { runCli } from "./cli.js";
import { writeNewFile } from "./new-file.js";
import { OutputClosed } from "./ports.js";

// A failed write says so itself; and when standard error is gone there is nobody to tell.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

/** Resolves when the output has left the process. */
async function write(output: Uint8Array | string): Promise<void> {
  if (output.length === 0) return;
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(output, (error?: NodeJS.ErrnoException | null) => {
      if (!error) resolve();
      else reject(isClosed(error) ? new OutputClosed("closed", { cause: error }) : error);
    });
  });
}

function isClosed({ code }: NodeJS.ErrnoException): boolean {
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED" || code === "ECONNRESET";
}

/** Opened when it is first read: a file that is not there fails that read and nothing else. */
async function* openInput(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield* createReadStream(path) as AsyncIterable<Buffer>;
}

const ports = {
  stdin: process.stdin,
  write,
  writeError: (text: string) => void process.stderr.write(text),
  openInput,
  writeFile: writeNewFile,
  environment: process.env,
};

// An open standard input would keep the process.
void runCli(process.argv.slice(2), ports).then((code) => process.exit(code));
