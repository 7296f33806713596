import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { Output } from "./output.js";
import { StatusLine } from "./status-line.js";

/** What a terminal of so many columns gets. */
async function shownOn(columns: number | undefined, text: string): Promise<string> {
  const stream = new PassThrough();
  const output = new Output(stream);
  const status = new StatusLine(output, columns);
  await status.show(text);
  await status.clear();
  await status.clear();
  await output.flush();
  return String(stream.read() ?? "");
}

const CLEAR = "\r\u001b[K";

test("a status is shown in place and taken away once", async () => {
  expect(await shownOn(80, "half way")).toBe(`${CLEAR}half way${CLEAR}`);
});

test("a status is cut so that it does not wrap, 80 columns where the terminal does not say", async () => {
  expect(await shownOn(5, "half way")).toBe(`${CLEAR}half${CLEAR}`);
  expect(await shownOn(0, "x".repeat(100))).toBe(`${CLEAR}${"x".repeat(79)}${CLEAR}`);
});

test("what is no terminal gets no status", async () => {
  expect(await shownOn(undefined, "half way")).toBe("");
});
