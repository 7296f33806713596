import {
  type ClientHttp2Session,
  connect as connectHttp2,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { connect as connectTcp } from "node:net";
import { gzipSync } from "node:zlib";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { collect, failureOf } from "./support/rich-error.js";
import { bytes, type TestClient, withNode } from "./support/test-node.js";

const seed = Number(process.env["TITAN_SEED"] ?? Date.now() % 2 ** 31);

/** Calls a unary method with bytes as they are. */
function callRaw(
  address: string,
  path: string,
  request: Buffer,
): Promise<ServiceError | undefined> {
  const client = new Client(address, credentials.createInsecure());
  const same = (buffer: Buffer) => buffer;
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, same, same, request, new Metadata(), (error) => {
      client.close();
      resolve(error ?? undefined);
    });
  });
}

async function expectServing({ kv }: TestClient): Promise<void> {
  const key = bytes("alive");
  await kv.put({ key, value: key });
  expect(await kv.get({ key })).toMatchObject({ found: true });
}

const METHODS = ["Put", "Get", "Delete", "Batch", "CompareAndSet", "Increment", "Txn"];

test("bytes that are no message are an invalid argument, not a failure of the server", () =>
  withNode(async (client) => {
    const truncated = Buffer.from([0x0a, 0x7f, 0x01]);
    for (const method of METHODS) {
      const error = await callRaw(client.node.address, `/titan.v1.KvService/${method}`, truncated);
      expect(error?.code, method).toBe(status.INVALID_ARGUMENT);
      expect(error?.details).toContain("not this message");
    }
    await expectServing(client);
  }));

test("random bytes never stop the server and are never its fault", () =>
  withNode(async (client) => {
    process.stdout.write(`TITAN_SEED=${seed}\n`);
    const property = fc.asyncProperty(
      fc.constantFrom(...METHODS),
      fc.uint8Array({ maxLength: 200 }),
      async (method, request) => {
        const path = `/titan.v1.KvService/${method}`;
        const error = await callRaw(client.node.address, path, Buffer.from(request));
        expect([
          undefined,
          ...[status.INVALID_ARGUMENT, status.NOT_FOUND, status.UNIMPLEMENTED],
          status.FAILED_PRECONDITION,
        ]).toContain(error?.code);
      },
    );
    await fc.assert(property, { seed, numRuns: 300 });
    await expectServing(client);
  }));

test("a message beyond what the server reads is refused with a reason, and the connection goes on", () =>
  withNode(async (client) => {
    const value = Buffer.alloc(16 * 1024 * 1024);
    const put = await failureOf(client.kv.put({ key: bytes("k"), value }));
    expect(put).toMatchObject({
      ...{ status: "INVALID_ARGUMENT", reason: "REQUEST_TOO_LARGE", domain: "titan.v1" },
      metadata: { limit: expect.stringMatching(/^\d+$/), outcome: "not-applied" },
      message: expect.stringContaining("--max-value-bytes"),
    });
    const scan = await failureOf(collect(client.kv.scan({ cursor: value })));
    expect(scan.reason).toBe("REQUEST_TOO_LARGE");
    await expectServing(client);
  }));

test("a message that only unpacks to more than the server reads is refused likewise", () =>
  withNode(async (client) => {
    const packed = gzipSync(Buffer.alloc(16 * 1024 * 1024));
    const session = connectHttp2(`http://${client.node.address}`);
    const frame = Buffer.alloc(5 + packed.length);
    frame.writeUInt8(1, 0);
    frame.writeUInt32BE(packed.length, 1);
    packed.copy(frame, 5);
    const answer = await postRaw(session, frame, { "grpc-encoding": "gzip" });
    expect(answer).toBe(String(status.INVALID_ARGUMENT));
    session.destroy();
    await expectServing(client);
  }));

test("an unknown method and an unknown service are unimplemented", () =>
  withNode(async (client) => {
    for (const path of ["/titan.v1.KvService/Nothing", "/nobody.Service/Put"]) {
      const error = await callRaw(client.node.address, path, Buffer.alloc(0));
      expect(error?.code).toBe(status.UNIMPLEMENTED);
    }
    await expectServing(client);
  }));

/** Sends one request whose body is `body`, whatever that is, and returns the status header. */
function postRaw(
  session: ClientHttp2Session,
  body: Buffer,
  headers: OutgoingHttpHeaders = {},
): Promise<string> {
  return new Promise((resolve) => {
    const stream = session.request({
      ":method": "POST",
      ":path": "/titan.v1.KvService/Put",
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    let answer = "closed";
    const note = (headers: IncomingHttpHeaders) => {
      if (headers["grpc-status"] !== undefined) answer = String(headers["grpc-status"]);
    };
    stream.on("response", note);
    stream.on("trailers", note);
    stream.on("error", () => undefined);
    stream.on("close", () => resolve(answer));
    stream.resume();
    stream.end(body);
  });
}

test("frames that lie about their length, type or compression do no harm", () =>
  withNode(async (client) => {
    const session = connectHttp2(`http://${client.node.address}`);
    const frames = [
      Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]),
      Buffer.from([0, 0, 0, 0, 9, 1]),
      Buffer.from([1, 0, 0, 0, 3, 1, 2, 3]),
      Buffer.from([7, 0, 0, 0, 0]),
      Buffer.from([0, 0]),
      Buffer.alloc(0),
    ];
    for (const frame of frames) expect(await postRaw(session, frame)).not.toBe("0");
    session.destroy();
    await expectServing(client);
  }));

test("a peer that speaks no HTTP/2, or leaves in the middle, does no harm", () =>
  withNode(async (client) => {
    const [host, port] = client.node.address.split(":");
    const speak = (words: string | Buffer) =>
      new Promise<void>((resolve) => {
        const socket = connectTcp(Number(port), host, () => {
          socket.write(words, () => socket.destroy());
        });
        socket.on("error", () => undefined);
        socket.on("close", () => resolve());
      });
    await speak("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await speak(Buffer.alloc(10_000, 0xff));
    await speak("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    await speak(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Buffer.alloc(99)]));
    await expectServing(client);
  }));
