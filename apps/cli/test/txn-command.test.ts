import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { FakeClient } from "./fake-client.js";
import { titan } from "./rig.js";

const FILE = JSON.stringify({
  if: [
    { key: "a", exists: false },
    { key: "b", value: "1", is: "less" },
    { key: { hex: "ff" }, revision: 0 },
  ],
  then: [
    { type: "put", key: "a", value: { base64: "AA==" }, ttlMs: 5 },
    { type: "get", key: "b" },
    { type: "get", key: "c" },
  ],
  otherwise: [{ type: "delete", key: "a" }],
});

describe("txn", () => {
  test("asks for what the file says, and shows what was read", async () => {
    const client = new FakeClient();
    const entry = { key: Buffer.from("b"), value: Buffer.from("0"), revision: 7 };
    client.txnResults.push({
      ...{ succeeded: true, revision: 9 },
      answers: [{ type: "put" }, { type: "get", entry }, { type: "get", entry: undefined }],
    });
    const { code, stdout, stderr } = await titan(["txn"], { client, stdin: FILE });
    expect(client.txns).toEqual([
      {
        if: [
          { key: Buffer.from("a"), exists: false },
          { key: Buffer.from("b"), value: Buffer.from("1"), is: "less" },
          { key: Buffer.of(0xff), revision: 0, is: "equal" },
        ],
        // biome-ignore lint/suspicious/noThenProperty: the word of the API
        then: [
          { type: "put", key: Buffer.from("a"), value: Buffer.of(0), ttlMs: 5 },
          { type: "get", key: Buffer.from("b") },
          { type: "get", key: Buffer.from("c") },
        ],
        otherwise: [{ type: "delete", key: Buffer.from("a") }],
      },
    ]);
    expect([code, stdout]).toEqual([0, "b\t0\nOK: The conditions hold; did 3 operations\n"]);
    expect(stderr).toContain("Key 'c' not found");
  });

  test("says so with code 6 when a condition does not hold", async () => {
    const client = new FakeClient();
    const gone = { type: "delete", existed: true } as const;
    client.txnResults.push({ succeeded: false, answers: [gone], revision: 9 });
    const { code, stdout } = await titan(["txn", "--json"], { client, stdin: FILE });
    expect(code).toBe(6);
    expect(JSON.parse(stdout)).toEqual({ succeeded: false, operations: 1, revision: 9 });
  });

  test.each([
    ["[]", "expected an object"],
    ["{", "not JSON"],
    ['{"iff":[]}', 'has no field "iff"'],
    ['{"then":{}}', '"then" is a list'],
    ['{"then":[{"type":"merge","key":"k"}]}', 'then[0]: "type" is "put", "delete" or "get"'],
    ['{"if":[{"key":"k"}]}', "if[0]: a condition has one of"],
    ['{"if":[{"key":"k","value":"v","revision":1}]}', "if[0]: a condition has one of"],
    ['{"if":[{"key":"k","exists":1}]}', '"exists" is true or false'],
    ['{"if":[{"key":"k","value":"v","is":"about"}]}', '"is" is one of'],
    ['{"if":[{"key":"k","revision":-1}]}', '"revision" is a whole number'],
    ['{"if":[{"key":"","exists":true}]}', "if[0]: "],
  ])("%s is a usage error, and nothing is sent", async (stdin, message) => {
    const { code, stderr, client } = await titan(["txn"], { stdin });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(client.txns).toEqual([]);
  });
});
