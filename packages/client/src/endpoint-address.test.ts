import { expect, test } from "vitest";
import { parseEndpoint } from "./endpoint-address.js";

test.each([
  ["127.0.0.1:7420", { host: "127.0.0.1", port: 7420, address: "127.0.0.1:7420" }],
  ["localhost", { host: "localhost", port: 7420, address: "localhost:7420" }],
  ["http://db.example.org:1", { host: "db.example.org", port: 1, address: "db.example.org:1" }],
  ["HTTP://DB/", { host: "db", port: 7420, address: "db:7420" }],
  ["[::1]:65535", { host: "::1", port: 65_535, address: "[::1]:65535" }],
  ["[fe80::1%eth0]", { host: "fe80::1%eth0", port: 7420, address: "[fe80::1%eth0]:7420" }],
])("%s is read", (text, endpoint) => {
  expect(parseEndpoint(text)).toEqual(endpoint);
});

test.each([
  "",
  ":7420",
  "host:0",
  "host:65536",
  "host:123456",
  "host:port",
  "host:1/path",
  "user@host:1",
  "two hosts",
  "::1",
  "[::1",
  "a:1,b:2",
  "http://",
  "ftp://host",
])("%j is refused", (text) => {
  expect(() => parseEndpoint(text)).toThrow(RangeError);
});

test("TLS is refused by name, and what is no string is a TypeError", () => {
  expect(() => parseEndpoint("https://host")).toThrow(/TLS is not supported yet/);
  expect(() => parseEndpoint(7420 as unknown as string)).toThrow(TypeError);
});
