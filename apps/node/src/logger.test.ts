import { expect, test } from "vitest";
import { createLogger, type LogFormat } from "./logger.js";

function linesOf(format: LogFormat): { lines: string[]; logger: ReturnType<typeof createLogger> } {
  const lines: string[] = [];
  const sink = { write: (line: string) => lines.push(line) };
  return { lines, logger: createLogger({ level: "info", format }, sink) };
}

test("json lines are objects with level, time, message and fields", () => {
  const { lines, logger } = linesOf("json");
  logger.debug({}, "not shown");
  logger.info({ address: "127.0.0.1:1" }, "serving");
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toEqual({
    ...{ level: "info", msg: "serving", address: "127.0.0.1:1" },
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
  });
});

test("pretty lines are for people, with the stack of an error below", () => {
  const { lines, logger } = linesOf("pretty");
  logger.warn({ requests: 3, error: new Error("disk") }, "stopping");
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} warn {2}stopping requests=3\n {2}Error: disk\n/);
});
