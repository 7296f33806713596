import { Buffer } from "node:buffer";
import { expect, test } from "vitest";
import { type Line, linesOf } from "./lines.js";

/** Lines of `bytes` cut into chunks of `size`. */
async function linesIn(bytes: Uint8Array, size: number, maxBytes?: number): Promise<Line[]> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const lines: Line[] = [];
  for await (const line of linesOf(chunks(), maxBytes)) lines.push(line);
  return lines;
}

test("lines are the same however the bytes are cut", async () => {
  const bytes = Buffer.from("\ufeffone\r\n\ntwo é😀\nlast");
  for (let size = 1; size <= bytes.length; size++) {
    expect(await linesIn(bytes, size)).toEqual([
      { number: 1, text: "one" },
      { number: 2, text: "" },
      { number: 3, text: "two é😀" },
      { number: 4, text: "last" },
    ]);
  }
});

test("nothing has no lines, and an ended line makes no empty one after it", async () => {
  expect(await linesIn(Buffer.from(""), 1)).toEqual([]);
  expect(await linesIn(Buffer.from("a\n"), 1)).toEqual([{ number: 1, text: "a" }]);
});

test("a line beyond the bound is refused before it is all there", async () => {
  const refused = "line 2 has more than 10 bytes";
  for (const line of ["x".repeat(11), `${"x".repeat(11)}\n`, "x".repeat(1_000)]) {
    await expect(linesIn(Buffer.from(`ok\n${line}`), 2, 10)).rejects.toThrow(refused);
    await expect(linesIn(Buffer.from(`ok\n${line}`), 99, 10)).rejects.toThrow(refused);
  }
  expect(await linesIn(Buffer.from("x".repeat(10)), 3, 10)).toHaveLength(1);
});

test("a line that is not UTF-8 is named", async () => {
  await expect(linesIn(Buffer.from("ok\n\xff\n", "latin1"), 64)).rejects.toThrow(
    "line 2 is not UTF-8",
  );
});
