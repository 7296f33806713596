/** The container's entrypoint, run with a stand-in for titan-node that says what it was given. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const DOCKER = join(import.meta.dirname, "..", "deploy", "docker");
const STAND_IN = `#!${process.execPath}
const settings = Object.entries(process.env).filter(([name]) => name.startsWith("TITAN_"));
console.log(JSON.stringify({ args: process.argv.slice(2), pid: process.pid, settings: Object.fromEntries(settings) }));
`;

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "titan-entrypoint-"));
  for (const [name, text] of [
    ["titan-node", STAND_IN],
    ["hostname", "#!/bin/sh\necho box\n"],
  ] as const) {
    const file = join(folder, name);
    writeFileSync(file, text);
    chmodSync(file, 0o755);
  }
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function enter(environment: Record<string, string>, ...args: string[]) {
  const path = [folder, dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter);
  const { status, stdout, stderr, pid } = spawnSync(join(DOCKER, "entrypoint.sh"), args, {
    encoding: "utf8",
    timeout: 30_000,
    env: { PATH: path, TITAN_WAIT_FOR: join(DOCKER, "wait-for.mjs"), ...environment },
  });
  return { status, stdout, stderr, pid };
}

function settingsOf(environment: Record<string, string>, ...args: string[]) {
  const { stdout, pid } = enter(environment, ...args);
  const heard = JSON.parse(stdout) as {
    args: string[];
    pid: number;
    settings: Record<string, string>;
  };
  return { ...heard, isSameProcess: heard.pid === pid };
}

describe("the container's entrypoint", () => {
  test("becomes titan-node, listens on all interfaces and advertises the container's name", () => {
    const { args, settings, isSameProcess } = settingsOf({});
    expect(isSameProcess).toBe(true);
    expect(args).toEqual([]);
    expect(settings).toMatchObject({
      TITAN_NODE_ID: "box",
      TITAN_GRPC_ADDR: "0.0.0.0:7420",
      TITAN_RAFT_ADDR: "0.0.0.0:7421",
      TITAN_ADVERTISE_GRPC_ADDR: "box:7420",
      TITAN_ADVERTISE_RAFT_ADDR: "box:7421",
      TITAN_DATA_DIR: "/data",
    });
  });

  test("takes short names, which the full ones win over, and hands flags on as they are", () => {
    const { args, settings } = settingsOf(
      { NODE_ID: "a", GRPC_ADDR: ":5000", DATA_DIR: "/d", TITAN_DATA_DIR: "/own" },
      "--zone",
      "rack 1; $(exit 3)",
    );
    expect(args).toEqual(["--zone", "rack 1; $(exit 3)"]);
    expect(settings).toMatchObject({
      TITAN_NODE_ID: "a",
      TITAN_GRPC_ADDR: ":5000",
      TITAN_ADVERTISE_GRPC_ADDR: "box:5000",
      TITAN_DATA_DIR: "/own",
    });
  });

  test.each(["a|a:1|a:2,b|b:1|b:2", "a|$(touch pwned)|`id`,b c|\"x\"|'y'", "* ? [a-z] \\ \n end"])(
    "leaves %j in PEERS alone",
    (peers) => {
      expect(settingsOf({ PEERS: peers }).settings["TITAN_PEERS"]).toBe(peers);
    },
  );

  test("runs another program when the first argument is none of titan-node's", () => {
    expect(enter({}, "echo", "a  b").stdout).toBe("a  b\n");
  });

  test("waits for one of its seeds, and says so when there is none", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    // A listening socket takes connections by itself, also while this process waits for the other.
    expect(enter({ WAIT_FOR: `127.0.0.1:1,127.0.0.1:${port}` }).status).toBe(0);
    await new Promise((resolve) => server.close(resolve));
    const alone = enter({ WAIT_FOR: "127.0.0.1:1", WAIT_SECONDS: "0" });
    expect(alone).toMatchObject({ status: 1, stdout: "" });
    expect(alone.stderr).toContain("127.0.0.1:1");
    expect(enter({ WAIT_FOR: "nonsense" }).status).toBe(2);
  });

  test("does not wait when it has joined before", () => {
    const data = join(folder, "data");
    mkdirSync(data);
    writeFileSync(join(data, "node.json"), "{}");
    const settings = { DATA_DIR: data, WAIT_FOR: "127.0.0.1:1", WAIT_SECONDS: "0" };
    expect(enter(settings).status).toBe(0);
  });
});
