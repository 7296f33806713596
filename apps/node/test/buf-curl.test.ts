import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { withNode } from "./support/test-node.js";

const bufPackage = createRequire(import.meta.url).resolve("@bufbuild/buf/package.json");
const BUF = join(dirname(bufPackage), "bin", "buf");

async function bufCurl(address: string, ...args: string[]): Promise<string> {
  const common = ["curl", "--http2-prior-knowledge", "--protocol", "grpc"];
  const last = args.pop() ?? "";
  const url = `http://${address}${last}`;
  const { stdout } = await promisify(execFile)(process.execPath, [BUF, ...common, ...args, url]);
  return stdout;
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

test(
  "buf curl finds the services by reflection, and puts and gets a key, with no .proto at hand",
  () =>
    withNode(async ({ node }) => {
      const services = (await bufCurl(node.address, "--list-services", "")).trim().split("\n");
      expect(services.sort()).toEqual([
        "grpc.health.v1.Health",
        "titan.v1.ClusterService",
        "titan.v1.KvService",
        "titan.v1.PipelineService",
      ]);
      const call = async (method: string, request: object): Promise<unknown> =>
        JSON.parse(await bufCurl(node.address, "-d", JSON.stringify(request), method));
      const key = base64("greeting");
      const value = base64("hello, world");
      const put = (await call("/titan.v1.KvService/Put", { key, value })) as { revision: string };
      expect(Number(put.revision)).toBeGreaterThan(0);
      const get = await call("/titan.v1.KvService/Get", { key });
      expect(get).toMatchObject({ found: true, value, revision: put.revision });
      const health = await call("/grpc.health.v1.Health/Check", { service: "titan.v1.KvService" });
      expect(health).toEqual({ status: "SERVING" });
    }),
  60_000,
);
