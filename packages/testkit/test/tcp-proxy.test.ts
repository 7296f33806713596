import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ProxyNetwork, TcpProxy, type Weather, waitUntil } from "../src/index.js";

/** Answers "<what it got>!"; keeps its connections. */
let server: Server;
let target: string;
const open: Socket[] = [];
const closing: { close(): Promise<void> }[] = [];

beforeEach(async () => {
  server = createServer((socket) => {
    open.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => socket.write(`${chunk.toString("latin1")}!`));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await Promise.all(closing.splice(0).map((one) => one.close()));
  server.close();
});

class Dialler {
  received = "";
  isClosed = false;
  readonly socket: Socket;

  constructor(address: string) {
    const port = Number(address.slice(address.lastIndexOf(":") + 1));
    this.socket = connect({ host: "127.0.0.1", port });
    open.push(this.socket);
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.isClosed = true;
    });
    this.socket.on("data", (chunk) => {
      this.received += chunk.toString("latin1");
    });
  }

  async ask(text: string): Promise<void> {
    this.socket.write(text);
    await this.sees(`${text}!`);
  }

  sees(text: string): Promise<true> {
    return waitUntil(() => this.received.includes(text), { what: `"${text}" to come back` });
  }
}

function proxyWith(weather: Partial<Record<"forth" | "back", Weather>>): Promise<TcpProxy> {
  const fair: Weather = { isBlocked: false, delayMs: 0 };
  return TcpProxy.listen({ target, weather: (_, direction) => weather[direction] ?? fair }).then(
    (proxy) => {
      closing.push(proxy);
      return proxy;
    },
  );
}

test("bytes go through, both ways, and so does an end", async () => {
  const proxy = await proxyWith({});
  const dialler = new Dialler(proxy.address);
  await dialler.ask("hello");
  dialler.socket.end();
  await waitUntil(() => dialler.isClosed, { what: "the end" });
  await waitUntil(() => proxy.connectionCount === 0, { what: "the proxy to forget it" });
});

test.each(["forth", "back"] as const)(
  "what is blocked on the way %s arrives when that is over, and nobody was told",
  async (direction) => {
    const weather: Partial<Record<"forth" | "back", Weather>> = {};
    const proxy = await proxyWith(weather);
    const dialler = new Dialler(proxy.address);
    await dialler.ask("before");
    weather[direction] = { isBlocked: true, delayMs: 0 };
    proxy.changed();
    dialler.socket.write("meanwhile");
    // Another connection shows that time has passed and the proxy works.
    const fair = await proxyWith({});
    await new Dialler(fair.address).ask("other");
    expect(dialler.received).toBe("before!");
    expect(dialler.isClosed).toBe(false);
    delete weather[direction];
    proxy.changed();
    await dialler.sees("meanwhile!");
  },
);

test("delayed bytes come in order", async () => {
  const proxy = await proxyWith({ forth: { isBlocked: false, delayMs: 5 } });
  const dialler = new Dialler(proxy.address);
  for (const text of ["a", "b", "c"]) {
    dialler.socket.write(text);
    await new Promise(setImmediate);
  }
  await waitUntil(() => dialler.received.replaceAll("!", "") === "abc", { what: "all, in order" });
});

test("delayed bytes are not there before their time", async () => {
  const proxy = await proxyWith({ forth: { isBlocked: false, delayMs: 3_600_000 } });
  const dialler = new Dialler(proxy.address);
  dialler.socket.write("in an hour");
  for (let turn = 0; turn < 3; turn += 1) {
    await new Dialler((await proxyWith({})).address).ask("other");
  }
  expect(dialler.received).toBe("");
});

test("more than the buffers hold is held back at the sender, and nothing of it is lost", async () => {
  const weather: Partial<Record<"forth" | "back", Weather>> = {};
  const proxy = await proxyWith(weather);
  const dialler = new Dialler(proxy.address);
  await dialler.ask("x");
  weather.forth = { isBlocked: true, delayMs: 0 };
  proxy.changed();
  const bytes = 32 * 1024 * 1024;
  dialler.socket.write(Buffer.alloc(bytes, "y"));
  await new Dialler((await proxyWith({})).address).ask("other");
  expect(dialler.socket.writableLength).toBeGreaterThan(0);
  delete weather.forth;
  proxy.changed();
  await waitUntil(() => dialler.received.replaceAll("!", "").length === bytes + 1, {
    what: "all of it to come back",
  });
});

test("severed connections are reset, and new ones may come", async () => {
  const proxy = await proxyWith({});
  const dialler = new Dialler(proxy.address);
  await dialler.ask("one");
  proxy.sever();
  await waitUntil(() => dialler.isClosed, { what: "the reset" });
  await new Dialler(proxy.address).ask("two");
});

test("a server that is not there is told as a reset", async () => {
  server.close();
  const proxy = await proxyWith({});
  const dialler = new Dialler(proxy.address);
  await waitUntil(() => dialler.isClosed, { what: "the reset" });
});

/** As in docs/formats/raft-transport.md, as far as it matters here. */
function hello(from: number, to: number): string {
  const bytes = Buffer.alloc(24);
  bytes.write("TRFT", "latin1");
  bytes.writeBigUInt64LE(BigInt(from), 8);
  bytes.writeBigUInt64LE(BigInt(to), 16);
  return bytes.toString("latin1");
}

test("a network parts two nodes in one direction and leaves the third alone", async () => {
  const network = await ProxyNetwork.create([target, target, target]);
  closing.push(network);
  const dial = async (from: number, to: number): Promise<Dialler> => {
    const dialler = new Dialler(network.addressOf(to));
    await new Promise<void>((resolve) => {
      dialler.socket.write(Buffer.from(hello(from + 11, to + 11), "latin1"), () => resolve());
    });
    await waitUntil(() => dialler.received.length > 0, { what: "the answer to the hello" });
    return dialler;
  };
  const links = {
    to1: await dial(0, 1),
    to0: await dial(1, 0),
    to2: await dial(0, 2),
    from2: await dial(2, 0),
  };
  network.block(0, 1);
  links.to1.socket.write("lost");
  links.to0.socket.write("heard");
  await links.to2.ask("other");
  await links.from2.ask("other");
  expect(links.to1.received).not.toContain("lost");
  // What 1 says gets to 0, but the answer of 0 goes to 1.
  expect(links.to0.received).not.toContain("heard");
  network.heal();
  await links.to1.sees("lost!");
  await links.to0.sees("heard!");
  network.part([0], [1, 2]);
  links.to2.socket.write("parted");
  await new Dialler((await proxyWith({})).address).ask("other");
  expect(links.to2.received).not.toContain("parted");
  network.heal();
  await links.to2.sees("parted!");
});
