/** The real shell at a real terminal, played by util-linux's `script`. */
import type { Buffer } from "node:buffer";
import { execFileSync, spawn } from "node:child_process";
import { expect, test } from "vitest";
import { BINARY, environment } from "./process.js";

/** Records a session at a terminal of its own. */
const SCRIPT = "script";

function hasScript(): boolean {
  try {
    return execFileSync(SCRIPT, ["--version"], { encoding: "utf8" }).includes("util-linux");
  } catch {
    return false;
  }
}

test.skipIf(!hasScript())(
  "the shell prompts, cancels and leaves at a real terminal (skipped without util-linux's script)",
  async () => {
    const command = `"${process.execPath}" "${BINARY}" --endpoint 127.0.0.1:1 --timeout 2s`;
    const child = spawn(SCRIPT, ["--quiet", "--return", "--command", command, "/dev/null"], {
      env: { ...environment(), TERM: "xterm" },
    });
    let screen = "";
    let wake = (): void => {};
    const show = (chunk: Buffer): void => {
      screen += chunk.toString();
      wake();
    };
    child.stdout.on("data", show);
    const until = async (text: string): Promise<void> => {
      while (!screen.includes(text)) await new Promise<void>((resolve) => (wake = resolve));
      screen = screen.slice(screen.indexOf(text) + text.length);
    };
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));

    try {
      await until("titan-kv> ");
      child.stdin.write("HELP\r");
      await until("PUT <key> <value>");
      await until("titan-kv> ");
      child.stdin.write("GET k\r");
      await until("cannot connect");
      await until("titan-kv> ");
      child.stdin.write("\u0003");
      await until("(Ctrl-C again");
      child.stdin.write("\u0004");
      await until("Goodbye!");
      expect(await ended).toBe(0);
    } finally {
      child.kill("SIGKILL");
    }
  },
);
