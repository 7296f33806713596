import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { FakeClient } from "./fake-client.js";
import { openTerminal } from "./rig.js";

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const TAB = "\t";
const UP = "\u001b[A";

const scratch = mkdtempSync(join(tmpdir(), "titan-cli-"));
afterAll(() => rmSync(scratch, { recursive: true }));

describe("the shell at a terminal", () => {
  test("greets with where it is, prompts, answers, and says goodbye", async () => {
    const terminal = await openTerminal({ env: { TITAN_ENDPOINTS: "db:7420" } });
    expect(terminal.screen.text).toContain("Titan at db:7420.");
    expect(await terminal.enter('put k "hello, world"')).toContain("OK: Stored key 'k'\n");
    expect(await terminal.enter("GET k")).toContain("Value: hello, world\n");
    expect(await terminal.enter("GET nope")).toContain("Key 'nope' not found\n");
    terminal.type("QUIT\r");
    expect(await terminal.ended).toBe(0);
    expect(terminal.screen.text).toContain("Goodbye!\n");
    expect(terminal.client.closed).toHaveLength(1);
  });

  test("an error shows and the shell goes on", async () => {
    const terminal = await openTerminal();
    expect(await terminal.enter("PUT k 'open")).toContain(
      "Error: the ' in column 7 is never closed",
    );
    expect(await terminal.enter("PUT k v")).toContain("OK:");
    terminal.type(CTRL_D);
    expect(await terminal.ended).toBe(0);
  });

  test("Ctrl-D leaves with a goodbye", async () => {
    const terminal = await openTerminal();
    terminal.type(CTRL_D);
    expect(await terminal.ended).toBe(0);
    expect(terminal.screen.text).toMatch(/\nGoodbye!\n$/);
  });

  test("Ctrl-C cancels what runs, and the shell goes on", async () => {
    const client = new FakeClient();
    const terminal = await openTerminal({ client });
    client.gate = new Promise(() => {});
    const before = terminal.screen.text.length;
    terminal.type("GET k\r");
    await terminal.screen.until("GET k\r\n", before);
    terminal.type(CTRL_C);
    await terminal.screen.until("the call was aborted", before);
    client.gate = undefined;
    await terminal.screen.until("titan-kv> ", before + 20);
    expect(await terminal.enter("PUT k v")).toContain("OK:");
    terminal.type(CTRL_D);
    expect(await terminal.ended).toBe(0);
  });

  test("Ctrl-C clears a begun line, warns on an empty one, and leaves the second time", async () => {
    const terminal = await openTerminal();
    terminal.type(`PUT k oops${CTRL_C}`);
    await terminal.screen.until("^C");
    terminal.type(CTRL_C);
    await terminal.screen.until("(Ctrl-C again");
    terminal.type(CTRL_C);
    expect(await terminal.ended).toBe(0);
    expect(terminal.screen.text).toContain("Goodbye!");
    expect(terminal.client.stored.size).toBe(0);
  });

  test("lines pasted at once run one after the other", async () => {
    const terminal = await openTerminal();
    terminal.type("INCR n\rINCR n\rINCR n\rQUIT\r");
    expect(await terminal.ended).toBe(0);
    expect(terminal.client.valueOf("n")?.toString()).toBe("3");
    expect(terminal.screen.text).toMatch(/Value: 1[^]*Value: 2[^]*Value: 3[^]*Goodbye!/);
  });

  test("what is typed while a command runs stays, with the cursor behind it", async () => {
    const client = new FakeClient();
    const terminal = await openTerminal({ client });
    let open = (): void => {};
    client.gate = new Promise((resolve) => (open = resolve));
    const before = terminal.screen.text.length;
    terminal.type("GET k\r");
    await terminal.screen.until("GET k\r\n", before);
    terminal.type("PUT k ");
    await terminal.screen.until("PUT k ", before);
    client.gate = undefined;
    open();
    await terminal.screen.until("not found", before);
    const prompted = await terminal.screen.until("titan-kv> PUT k", before);
    terminal.type("v");
    await terminal.screen.until("v", prompted);
    terminal.type("\r");
    await terminal.screen.until("OK: Stored key 'k'", prompted);
    terminal.type("QUIT\r");
    expect(await terminal.ended).toBe(0);
    expect(client.valueOf("k")?.toString()).toBe("v");
  });

  test("Tab completes commands and keys that exist", async () => {
    const client = new FakeClient();
    client.set("greeting", "hello");
    const terminal = await openTerminal({ client });
    terminal.type(`GE${TAB}`);
    const completed = await terminal.screen.until("T ");
    terminal.type(`gre${TAB}`);
    await terminal.screen.until("eting", completed);
    expect(await terminal.enter("")).toContain("Value: hello\n");
    terminal.type(CTRL_D);
    await terminal.ended;
  });
});

describe("history", () => {
  test("survives the shell, in a file that only its owner can read", async () => {
    const env = { TITAN_HISTORY: undefined, XDG_STATE_HOME: join(scratch, "state") };
    const first = await openTerminal({ env });
    await first.enter("PUT k v");
    await first.enter(" PUT secret s");
    first.type(CTRL_D);
    await first.ended;
    const path = join(scratch, "state", "titan", "history");
    expect(readFileSync(path, "utf8")).toBe("PUT k v\n");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const second = await openTerminal({ env });
    second.type(UP);
    await second.screen.until("PUT k v");
    expect(await second.enter("")).toContain("OK: Stored key 'k'");
    second.type(CTRL_D);
    await second.ended;
  });

  test("is bounded", async () => {
    const path = join(scratch, "long-history");
    const lines = Array.from({ length: 2_500 }, (_, index) => `GET ${index}`);
    writeFileSync(path, lines.join("\n"), { mode: 0o644 });
    const terminal = await openTerminal({ env: { TITAN_HISTORY: path } });
    await terminal.enter("GET last");
    terminal.type(CTRL_D);
    await terminal.ended;
    const kept = readFileSync(path, "utf8").trimEnd().split("\n");
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([1_001, "GET 1500", "GET last"]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("that cannot be kept does not hinder the shell", async () => {
    const terminal = await openTerminal({ env: { TITAN_HISTORY: "/dev/null/history" } });
    expect(await terminal.enter("PUT k v")).toContain("OK:");
    terminal.type(CTRL_D);
    expect(await terminal.ended).toBe(0);
  });
});
