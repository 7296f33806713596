import { type CallContext, Metadata, ServerError, Status } from "nice-grpc";
import { expect, test } from "vitest";
import { KvError } from "../kv/kv-error.js";
import { silentLogger } from "../logger.js";
import { RpcErrors } from "./rpc-error.js";

function newErrors() {
  const logged: { fields: object; message: string }[] = [];
  const failures: unknown[] = [];
  const errors = new RpcErrors({
    logger: { ...silentLogger, error: (fields, message) => logged.push({ fields, message }) },
    nextIncident: () => "incident-1",
    onStoreFailed: (cause) => failures.push(cause),
  });
  const context = { trailer: Metadata() } as CallContext;
  const raise = async (
    failure: unknown,
    kind: "read" | "write" = "write",
  ): Promise<ServerError> => {
    const thrown: unknown = await errors.raise(failure, kind, context).catch((e: unknown) => e);
    if (!(thrown instanceof ServerError)) throw new Error("expected a ServerError");
    return thrown;
  };
  const details = () =>
    Buffer.from(context.trailer.get("grpc-status-details-bin") ?? []).toString();
  return { raise, logged, failures, details };
}

/** As the store throws it; another copy of the package would not be an instance of ours. */
function storeError(code: string, more: object = {}): Error {
  return Object.assign(new Error(`secret path /data/${code}`), { code, ...more });
}

test("an error that nobody expects is INTERNAL; its text is in the log and not in the answer", async () => {
  const { raise, logged, details } = newErrors();
  const defect = new TypeError("cannot read secret of undefined");
  const { code, details: message } = await raise(defect);
  expect(code).toBe(Status.INTERNAL);
  expect(message).toContain("incident-1");
  expect(message + details()).not.toContain("secret");
  expect(details()).toContain("unknown");
  expect(logged).toMatchObject([{ fields: { error: defect, incident: "incident-1" } }]);
});

test.each([
  ["BITCASK_DISK_FULL", Status.RESOURCE_EXHAUSTED, "DISK_FULL"],
  ["BITCASK_OVERLOADED", Status.RESOURCE_EXHAUSTED, "OVERLOADED"],
  ["BITCASK_TOO_MANY_FILES", Status.RESOURCE_EXHAUSTED, "OVERLOADED"],
  ["BITCASK_WRITE_FAILED", Status.UNAVAILABLE, "STORE_FAILED"],
  ["BITCASK_SYNC_FAILED", Status.UNAVAILABLE, "STORE_FAILED"],
  ["BITCASK_CLOSED", Status.UNAVAILABLE, "NOT_SERVING"],
  ["BITCASK_CORRUPT", Status.DATA_LOSS, "CORRUPT"],
  ["BITCASK_READ_FAILED", Status.UNAVAILABLE, "READ_FAILED"],
  ["BITCASK_INDEX_FULL", Status.RESOURCE_EXHAUSTED, "INDEX_FULL"],
  ["BITCASK_TOO_MANY_SNAPSHOTS", Status.RESOURCE_EXHAUSTED, "OVERLOADED"],
  ["ERR_SOMETHING_ELSE", Status.INTERNAL, "INTERNAL"],
])("%s of the store is told as %i %s, without the store's words", async (code, status, reason) => {
  const { raise, details, failures } = newErrors();
  const error = await raise(storeError(code, { file: "/data/store/7.data", offset: 12 }));
  expect(error.code).toBe(status);
  expect(details()).toContain(reason);
  expect(error.details + details()).not.toMatch(/secret|\/data/);
  expect(failures).toHaveLength(reason === "STORE_FAILED" ? 1 : 0);
});

test("only a write that certainly did not happen is told as not-applied", async () => {
  const outcomeOf = async (outcome: unknown) => {
    const { raise, details } = newErrors();
    await raise(storeError("BITCASK_DISK_FULL", { outcome }));
    return details().includes("not-applied") ? "not-applied" : "unknown";
  };
  expect(await outcomeOf("not-applied")).toBe("not-applied");
  for (const outcome of ["unknown", "applied", undefined]) {
    expect(await outcomeOf(outcome)).toBe("unknown");
  }
});

test("a failed read says nothing of an outcome", async () => {
  const { raise, details } = newErrors();
  await raise(new KvError({ code: "KEY_EMPTY", message: "a key has at least 1 byte" }), "read");
  expect(details()).toContain("KEY_EMPTY");
  expect(details()).not.toContain("outcome");
});
