/** The real process, with nobody at the other end, or somebody who never answers. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { runBash, runTitan } from "./process.js";

/** An address on which nothing listens: a port that was free a moment ago. */
async function deadEndpoint(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `127.0.0.1:${port}`;
}

test("a server that is down ends with 4 long before the deadline, named, with what to do", async () => {
  const endpoint = await deadEndpoint();
  for (const words of [["get", "k"], ["put", "k", "v"], ["scan"], ["status"]]) {
    // Were the deadline waited for, the test would not live to see it.
    const { code, stdout, stderr } = await runTitan([...words, "--timeout", "1h"], { endpoint });
    expect([words, code, stdout.toString()]).toEqual([words, 4, ""]);
    expect(stderr).toContain(endpoint);
    expect(stderr).toContain("npm start");
  }
}, 60_000);

test("a server that accepts and never answers ends with 4 at the deadline that was set", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const words = ["get", "k", "--timeout", "300ms", "--endpoint", `127.0.0.1:${port}`];
  const { code, stderr } = await runTitan(words);
  for (const socket of sockets) socket.destroy();
  server.close();
  expect(code).toBe(4);
  expect(stderr).toContain(`127.0.0.1:${port}`);
}, 30_000);

test("a script stops at a server that is down", async () => {
  const endpoint = await deadEndpoint();
  const { code, stderr } = await runTitan([], { endpoint, stdin: "PUT a 1\nPUT b 2\n" });
  expect(code).toBe(4);
  expect(stderr).toContain("line 1: ");
  expect(stderr).not.toContain("line 2: ");
}, 30_000);

test("help and wrong usage need no server", async () => {
  expect((await runTitan(["help", "scan"])).code).toBe(0);
  expect((await runTitan(["--version"])).stdout.toString()).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect((await runTitan(["frob"])).code).toBe(2);
  expect((await runTitan(["get", "k", "--endpoint", "a:b:c"])).code).toBe(2);
}, 30_000);

test("an argument that is not UTF-8 is refused before it is damaged", async () => {
  const { code, stderr } = await runBash("titan put $'\\xff' v");
  expect(code).toBe(2);
  expect(stderr).toContain("--hex");
}, 30_000);
