import { expect, test } from "vitest";
import { answerOf, THREE, withNodes } from "./cluster-of-three.js";
import { FakeClient } from "./fake-client.js";
import { titan } from "./rig.js";

function clientOf(cluster = THREE): FakeClient {
  const client = new FakeClient();
  client.nodeStatus = answerOf("n1", cluster).status;
  return client;
}

test("doctor ends with 0 when all is well, and says what it looked at", async () => {
  const { code, stdout, stderr } = await titan(["doctor"], { client: clientOf() });
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^ok {7}n1 answers at n1:7420 \(version 1.2.3, up for 1m 1s\)\.\n/);
  expect(stdout).toMatch(/\n\nAll is well\.\n$/);
});

test("warnings alone end with 0", async () => {
  const client = clientOf({ ...THREE, balancer: { paused: true, activity: "" } });
  const { code, stdout } = await titan(["doctor"], { client });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^warning {2}The balancer is paused: .*\n {9}→ .*titan balancer resume/);
  expect(stdout).toMatch(/\n\n1 warning\n$/);
});

test("a problem comes first, with what to do, and ends with 7", async () => {
  const nodes = { n2: { version: "2" }, n3: { reachable: false } };
  const { code, stdout } = await titan(["doctor"], { client: clientOf(withNodes(nodes)) });
  expect(code).toBe(7);
  expect(stdout).toMatch(/^PROBLEM {2}n3 is down: .*\n {9}→ Start it again; .*\nwarning {2}/);
  expect(stdout).toMatch(/\n\n1 problem, 1 warning\n$/);
});

test("an endpoint that does not answer is a problem, and does not hide what others say", async () => {
  const client = clientOf();
  client.failures.push({ code: "CLIENT_TIMEOUT", outcome: "not-applied", message: "too late" });
  const { code, stdout, stderr } = await titan(["doctor", "--endpoints", "x:1,n1:7420"], {
    client,
  });
  expect([code, stderr]).toEqual([7, ""]);
  expect(stdout).toMatch(/^PROBLEM {2}x:1 does not answer: too late \(x:1\)\n/);
  expect(stdout).toContain("n1 answers at n1:7420");
});

test("--json gives one object", async () => {
  const client = clientOf(withNodes({ n3: { reachable: false } }));
  const { code, stdout } = await titan(["doctor", "--json"], { client });
  expect(code).toBe(7);
  expect(JSON.parse(stdout)).toMatchObject({
    healthy: false,
    counts: { problem: 1, warning: 0 },
    findings: expect.arrayContaining([
      {
        ...{ severity: "problem", check: "nodes", meaning: expect.any(String) },
        advice: expect.stringContaining("Start it again"),
      },
    ]),
  });
});

test("doctor takes no arguments", async () => {
  const { code, stderr } = await titan(["doctor", "n1"]);
  expect(code).toBe(2);
  expect(stderr).toContain("Usage: titan doctor");
});
