import { ERROR_REASONS } from "@titan/proto";
import { describe, expect, test } from "vitest";
import { failure } from "../test/fakes/fake-transport.js";
import { CLIENT_ERROR_CODES } from "./errors.js";
import { judge, toClientError } from "./failure-mapping.js";
import { RpcFailure } from "./ports.js";

const READ = { writes: false, retryUnknown: false };
const WRITE = { writes: true, retryUnknown: false };
const REPEATABLE = { writes: true, retryUnknown: true };

const UNAVAILABLE = 14;
const RESOURCE_EXHAUSTED = 8;

describe("codes", () => {
  test("every reason of the contract has a code of the closed set", () => {
    const known: readonly string[] = CLIENT_ERROR_CODES;
    for (const reason of ERROR_REASONS) {
      const { code } = judge(failure(2, reason), READ);
      expect(known, reason).toContain(code);
      if (reason !== "INTERNAL") expect(code, reason).not.toBe("CLIENT_INTERNAL");
    }
  });

  test("every gRPC status has a code, and an unknown reason is judged by its status", () => {
    const known: readonly string[] = CLIENT_ERROR_CODES;
    for (let status = 0; status <= 17; status++) {
      const bare = judge(failure(status), READ).code;
      expect(known).toContain(bare);
      expect(judge(failure(status, "FROM_THE_FUTURE"), READ).code).toBe(bare);
    }
  });

  test("a reset stream is an unavailable server, an internal error is not", () => {
    const reset = failure(13, undefined, { message: "Received RST_STREAM with code 2" });
    expect(judge(reset, READ)).toMatchObject({ code: "CLIENT_UNAVAILABLE", retry: true });
    expect(judge(failure(13), READ)).toMatchObject({ code: "CLIENT_INTERNAL", retry: false });
  });
});

describe("outcomes", () => {
  test("a write is not applied when the server says so, or could not have got to it", () => {
    const refused = failure(UNAVAILABLE, "NO_LEADER", { outcome: "not-applied" });
    expect(judge(refused, WRITE).outcome).toBe("not-applied");
    for (const status of [7, 12, 16]) {
      expect(judge(failure(status), WRITE).outcome).toBe("not-applied");
    }
  });

  test("it is unknown in every other case", () => {
    expect(judge(failure(UNAVAILABLE, "STORE_FAILED", { outcome: "unknown" }), WRITE).outcome).toBe(
      "unknown",
    );
    expect(judge(failure(UNAVAILABLE, "NO_LEADER"), WRITE).outcome).toBe("unknown");
    for (const status of [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14, 15]) {
      expect(judge(failure(status), WRITE).outcome, String(status)).toBe("unknown");
    }
  });

  test("a request over gRPC's limit is not applied, an answer over it is not known to be", () => {
    const tooLarge = (message: string) => judge(failure(8, undefined, { message }), WRITE);
    for (const message of [
      "Received message larger than max (5 vs 4)",
      "Attempted to send message with a size larger than 4",
    ]) {
      expect(tooLarge(message)).toMatchObject({
        code: "CLIENT_INVALID_ARGUMENT",
        outcome: "not-applied",
        retry: false,
      });
    }
    expect(tooLarge("Sent message larger than max (5 vs. 4)").outcome).toBe("unknown");
  });

  test.each([
    [WRITE, "Received message larger than max (5 vs 4)", "raise the server's --max-value-bytes"],
    [READ, "Received message larger than max (5 vs 4)", "raise maxMessageBytes"],
    [WRITE, "Attempted to send message with a size larger than 4", "raise maxMessageBytes"],
  ])("a message over gRPC's limit: what to do is said (%o, %s)", (nature, message, advice) => {
    const refused = failure(8, undefined, { message });
    const where = { endpoint: "n:1", attempts: 1 };
    const error = toClientError(refused, judge(refused, nature), where);
    expect(error.message).toContain(`n:1: ${message}; `);
    expect(error.message).toContain(advice);
  });

  test("a call that was never sent is not applied, and sent again", () => {
    const init = { status: UNAVAILABLE, message: "", info: undefined, retryAfterMs: undefined };
    const verdict = judge(new RpcFailure({ ...init, neverSent: true }), WRITE);
    expect(verdict).toMatchObject({ outcome: "not-applied", retry: true, endpoint: "broken" });
  });

  test("a read is never applied", () => {
    expect(judge(failure(UNAVAILABLE), READ).outcome).toBe("not-applied");
  });
});

describe("retries", () => {
  test("a write of unknown outcome is retried only when it may be repeated", () => {
    const cut = failure(UNAVAILABLE);
    expect(judge(cut, WRITE).retry).toBe(false);
    expect(judge(cut, REPEATABLE).retry).toBe(true);
    expect(judge(cut, READ).retry).toBe(true);
  });

  test("what passes is retried, what stays is not", () => {
    const overloaded = failure(RESOURCE_EXHAUSTED, "OVERLOADED", { outcome: "not-applied" });
    const full = failure(RESOURCE_EXHAUSTED, "DISK_FULL", { outcome: "not-applied" });
    expect(judge(overloaded, WRITE).retry).toBe(true);
    expect(judge(full, WRITE).retry).toBe(false);
    for (const status of [2, 3, 5, 6, 7, 8, 9, 11, 12, 15, 16]) {
      expect(judge(failure(status), READ).retry, String(status)).toBe(false);
    }
  });
});

test("a broken endpoint is told from one that another may do better than", () => {
  expect(judge(failure(UNAVAILABLE), READ).endpoint).toBe("broken");
  expect(judge(failure(UNAVAILABLE, "NOT_SERVING"), READ).endpoint).toBe("broken");
  expect(judge(failure(UNAVAILABLE, "STORE_FAILED"), READ).endpoint).toBe("broken");
  expect(judge(failure(UNAVAILABLE, "NO_LEADER"), READ).endpoint).toBe("elsewhere");
  expect(judge(failure(RESOURCE_EXHAUSTED, "OVERLOADED"), READ).endpoint).toBe("fine");
});

test("the caller's error carries everything that the server said", () => {
  const cause = failure(RESOURCE_EXHAUSTED, "OVERLOADED", { outcome: "unknown", retryAfterMs: 7 });
  const error = toClientError(cause, judge(cause, WRITE), { endpoint: "n1:7420", attempts: 2 });
  expect(error).toMatchObject({
    code: "CLIENT_OVERLOADED",
    outcome: "unknown",
    reason: "OVERLOADED",
    metadata: { outcome: "unknown" },
    retryAfterMs: 7,
    endpoint: "n1:7420",
    attempts: 2,
    cause,
  });
});
