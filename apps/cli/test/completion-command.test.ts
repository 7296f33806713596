import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { titan } from "./rig.js";

async function script(shell: string): Promise<string> {
  return (await titan(["completion", shell])).stdout;
}

/** Runs `text` in a shell. */
function run(shell: string, args: readonly string[], text: string): string {
  const { stdout, stderr } = spawnSync(shell, args, {
    input: text,
    env: { PATH: process.env["PATH"] },
  });
  return Buffer.concat([stdout, stderr]).toString();
}

/** What bash offers for the last of `words`; `file names` when it is to offer those. */
async function offeredByBash(words: readonly string[]): Promise<string[]> {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const text = [
    await script("bash"),
    "compopt() { echo file names; }",
    `COMP_WORDS=(titan ${quoted}); COMP_CWORD=${words.length}`,
    "_titan",
    'for one in "${COMPREPLY[@]}"; do echo "$one"; done',
  ].join("\n");
  const lines = run("bash", ["--norc"], text).split("\n");
  return lines.filter((line) => line !== "");
}

/** The commands that help lists. */
async function commands(): Promise<string[]> {
  const { stdout } = await titan(["--help"]);
  const list = stdout.slice(stdout.indexOf("Commands:"), stdout.indexOf("Exit codes:"));
  return [...list.matchAll(/^ {2}([a-z]+)/gm)].map(([, name = ""]) => name);
}

describe("completion", () => {
  test.each(["bash", "zsh", "fish"])(
    "prints a script for %s that knows every command",
    async (shell) => {
      const { code, stdout, stderr, opened } = await titan(["completion", shell]);
      expect([code, stderr, opened]).toEqual([0, "", []]);
      const names = await commands();
      expect(names.length).toBeGreaterThan(20);
      for (const name of names) expect(stdout).toMatch(new RegExp(`\\b${name}\\b`));
    },
  );

  test.each(["bash", "zsh", "fish"])("prints an option of each kind for %s", async (shell) => {
    const text = await script(shell);
    for (const option of ["if-revision", "non-atomic", "dry-run", "no-wait", "key-encoding"]) {
      expect(text).toContain(option);
    }
  });

  test.each([
    [[], "missing required argument 'shell'"],
    [["tcsh"], "completion takes bash, zsh or fish, not 'tcsh'"],
    [["bash", "zsh"], "too many arguments"],
  ])("%j is a usage error", async (words, message) => {
    const { code, stdout, stderr } = await titan(["completion", ...words]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
  });

  test("in the shell there is none, as it completes by itself", async () => {
    expect((await titan([], { stdin: "COMPLETION bash\n" })).code).toBe(2);
  });
});

describe("bash", () => {
  test.each([
    [["pu"], ["put"]],
    [["de"], ["delete", "del"]],
    [["--timeout", "5s", "ge"], ["get"]],
    [
      ["--json", "incr"],
      ["increment", "incr"],
    ],
    [["put", "--f"], ["--file"]],
    [["del", "k", "--i"], ["--ignore-missing"]],
    [["get", "--key-e"], ["--key-encoding"]],
    [
      ["get", "--key-encoding", ""],
      ["utf8", "hex", "base64"],
    ],
    [["get", "--key-encoding", "=", "h"], ["hex"]],
    [
      ["--key-encoding", "="],
      ["utf8", "hex", "base64"],
    ],
    [["--key-encoding", "=", "hex", "ge"], ["get"]],
    [
      ["balancer", ""],
      ["pause", "resume"],
    ],
    [["balancer", "pause", ""], []],
    [["keyspace", "c"], ["create"]],
    [["completion", "z"], ["zsh"]],
    [["help", "expo"], ["export"]],
    [["import", ""], ["file names"]],
    [["import", "--", ""], ["file names"]],
    [["put", "k", "--file", ""], ["file names"]],
    [["export", "--output", ""], ["file names"]],
    [["put", "k", ""], []],
    [["put", "--", "--f"], []],
    [["put", "--ttl", ""], []],
    [
      ["lock", "k", "--no"],
      ["--no-color", "--no-wait"],
    ],
    [["lock", "k", "--", "print"], expect.arrayContaining(["printf"])],
    [["lock", "k", "--", "printf", ""], ["file names"]],
    [["nonsense", ""], []],
  ])("for %j offers %j", async (words, offered) => {
    expect(await offeredByBash(words)).toEqual(offered);
  });
});

function isThere(shell: string): boolean {
  return spawnSync(shell, ["--version"]).status === 0;
}

test.skipIf(!isThere("zsh"))("zsh takes the script (skipped without zsh)", async () => {
  expect(run("zsh", ["-f", "-n"], await script("zsh"))).toBe("");
});

test.skipIf(!isThere("fish"))(
  "fish offers commands and options (skipped without fish)",
  async () => {
    const offers =
      'complete -C "titan pu"; complete -C "titan balancer "; complete -C "titan import --d"';
    const printed = run("fish", ["--no-config"], `${await script("fish")}\n${offers}`);
    expect(printed).toBe(
      "put\tstore a value\npause\nresume\n--dry-run\tcheck the file, store nothing\n",
    );
  },
);
