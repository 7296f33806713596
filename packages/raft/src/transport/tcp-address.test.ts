import { expect, test } from "vitest";
import { formatHostPort, toHostPort } from "./tcp-address.js";

test("addresses of names, IPv4 and IPv6 are read, and written back", () => {
  for (const address of ["localhost:1", "10.0.0.1:65535", "[::1]:7000", "node-1.example:80"]) {
    expect(formatHostPort(toHostPort(address))).toBe(address);
  }
  expect(toHostPort("[fe80::1%eth0]:9")).toEqual({ host: "fe80::1%eth0", port: 9 });
});

test("anything else is refused, and port 0 but for listening", () => {
  const wrongs = ["", "host", "host:", ":1", "host:65536", "::1:80", "a b:1", "host:1x", "host:0"];
  for (const wrong of wrongs) expect(() => toHostPort(wrong), wrong).toThrow(RangeError);
  expect(toHostPort("host:0", 0).port).toBe(0);
});
