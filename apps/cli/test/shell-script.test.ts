import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FakeClient } from "./fake-client.js";
import { titan } from "./rig.js";

/** Runs lines piped into `titan`. */
function script(lines: readonly string[], client = new FakeClient()) {
  return titan([], { client, stdin: lines.join("\n") });
}

describe("the shell's words", () => {
  test("are what earlier shells of this kind said", async () => {
    const { code, stdout, stderr } = await script([
      "PUT name Ada",
      "get name",
      "Delete name",
      "QUIT",
    ]);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: "OK: Stored key 'name'\nValue: Ada\nOK: Deleted key 'name'\nGoodbye!\n",
      stderr: "",
    });
  });

  test.each(["quit", "EXIT", "Quit"])("%s leaves; lines after it are not run", async (word) => {
    const { stdout, client } = await script([word, "PUT k v"]);
    expect(stdout).toBe("Goodbye!\n");
    expect(client.stored.size).toBe(0);
  });

  test("quotes are stripped and blanks inside them kept", async () => {
    const { client } = await script([
      'PUT a "hello,  world"',
      "PUT b 'say \"hi\"'",
      'PUT c "line\\nbreak\\xff"',
      "PUT d two\\ words",
      'PUT e ""',
      "PUT -- --k -v",
      "PUT dash -",
    ]);
    const stored = Object.fromEntries(
      [...client.stored.values()].map(({ key, value }) => [
        Buffer.from(key).toString(),
        Buffer.from(value).toString("latin1"),
      ]),
    );
    expect(stored).toEqual({
      a: "hello,  world",
      b: 'say "hi"',
      c: "line\nbreak\xff",
      d: "two words",
      e: "",
      "--k": "-v",
      dash: "-",
    });
  });

  test("PUT takes the rest of a plain line as the value, and refuses one that is ambiguous", async () => {
    const { client } = await script(["PUT plain hello  wide   world  "]);
    expect(client.valueOf("plain")?.toString()).toBe("hello  wide   world");
    for (const line of ['PUT k hello "wide" world', "PUT k a b --ttl 5s", "PUT k a\\ b c"]) {
      const { code, stderr, client } = await script([line]);
      expect(code).toBe(2);
      expect(stderr).toContain("quote what has blanks");
      expect(client.stored.size).toBe(0);
    }
  });

  test("scan lists and counts; options work as on the command line", async () => {
    const client = new FakeClient();
    for (const key of ["u:1", "u:2", "v"]) client.set(key, "x");
    const { stdout } = await script(["SCAN u: --keys-only", "SCAN none", "GET v --json"], client);
    expect(stdout).toBe(
      'u:1\nu:2\n(2 keys)\n(0 keys)\n{"found":true,"key":"v","value":"x","revision":3}\n',
    );
  });

  test("CAS, INCREMENT, BATCH and STATUS are there too", async () => {
    const directory = mkdtempSync(join(tmpdir(), "titan-cli-"));
    const path = join(directory, "batch.ndjson");
    writeFileSync(path, '{"type":"put","key":"k","value":"v"}\n');
    const { code, stdout } = await script([
      "CAS lock me --if-absent",
      "INCR n 5",
      `BATCH ${path}`,
      "STATUS",
    ]);
    rmSync(directory, { recursive: true });
    expect(code).toBe(0);
    expect(stdout).toContain("OK: Changed key 'lock'\nValue: 5\nOK: Applied 1 operation\nnode ");
  });

  test("BATCH without a file does not eat the lines that follow", async () => {
    const { stderr, client } = await script(["BATCH", "PUT k v"]);
    expect(stderr).toContain("line 1: the shell reads standard input itself; name a file");
    expect(client.stored.size).toBe(1);
  });

  test("HELP lists every command; HELP put explains one", async () => {
    const { stdout } = await script(["HELP"]);
    for (const verb of ["PUT <key> <value>", "GET", "DELETE", "SCAN", "STATUS", "HELP", "QUIT"]) {
      expect(stdout).toContain(`  ${verb}`);
    }
    expect((await script(["help PUT"])).stdout).toContain("Usage: PUT <key> <value> [options]");
  });

  test("empty lines and comments do nothing", async () => {
    expect(await script(["", "  ", "# PUT k v"])).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "",
    });
  });
});

describe("a script", () => {
  test("names the line of an error, goes on, and ends with the first code that is not 0", async () => {
    const { code, stdout, stderr } = await script(["GET none", "PUT onlykey", "FROB", "PUT k v"]);
    expect(code).toBe(3);
    expect(stdout).toBe("Key 'none' not found\nOK: Stored key 'k'\n");
    expect(stderr).toContain("Error: line 2: the value is missing");
    expect(stderr).toContain("Usage: PUT <key> <value> [options]");
    expect(stderr).toContain("Error: line 3: unknown command 'frob'; HELP lists the commands");
  });

  test.each(['PUT k "open', "PUT k 'open", 'PUT k "\\q"', "PUT k v\\"])(
    "%s is refused with its column and stores nothing",
    async (line) => {
      const { code, stderr, client } = await script([line]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/line 1: .*(column \d+|lone backslash)/);
      expect(client.stored.size).toBe(0);
    },
  );

  test.each([
    [{ code: "CLIENT_UNAVAILABLE" as const, outcome: "not-applied" as const }, 4],
    [{ code: "CLIENT_TIMEOUT" as const, outcome: "unknown" as const }, 5],
  ])("ends where %j happens, because what follows may build on it", async (failure, expected) => {
    const client = new FakeClient();
    client.failures.push({ message: "it failed", ...failure });
    const { code, stderr } = await script(["PUT a 1", "PUT b 2"], client);
    expect(code).toBe(expected);
    expect(stderr).toContain("line 1: it failed");
    expect(client.stored.size).toBe(0);
  });

  test("keeps one connection for all lines and closes it", async () => {
    const { opened, client } = await script(["PUT a 1", "GET a"]);
    expect([opened.length, client.closed.length]).toEqual([1, 1]);
  });

  test("refuses bytes that are not UTF-8 rather than store something else", async () => {
    const stdin = Buffer.from("PUT k \xff\n", "latin1");
    const { code, stderr, client } = await titan([], { stdin });
    expect(code).toBe(2);
    expect(stderr).toContain("line 1 is not UTF-8");
    expect(client.stored.size).toBe(0);
  });
});
