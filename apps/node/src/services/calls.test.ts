import { type CallContext, Metadata } from "nice-grpc";
import { expect, test } from "vitest";
import { silentLogger } from "../logger.js";
import { Admission } from "./admission.js";
import { Calls } from "./calls.js";
import { RpcErrors } from "./rpc-error.js";

function newStream() {
  const incidents: string[] = [];
  const admission = new Admission({
    ...{ concurrentRequests: 4, concurrentScans: 4, requestBytes: 1_000 },
  });
  const nextIncident = () => {
    incidents.push("incident");
    return "incident";
  };
  const errors = new RpcErrors({ logger: silentLogger, nextIncident, onStoreFailed: () => {} });
  const client = new AbortController();
  const context = { trailer: Metadata(), signal: client.signal } as CallContext;
  const freed: string[] = [];
  async function* serve(): AsyncGenerator<number, void, undefined> {
    try {
      for (let page = 1; page <= 3; page += 1) yield page;
    } finally {
      freed.push("pages");
    }
  }
  const pages = new Calls(admission, errors).pages(serve)({}, context);
  return { pages, client, admission, incidents, freed };
}

test("a stream of pages ends well behind the last one", async () => {
  const { pages, admission, freed } = newStream();
  const seen: number[] = [];
  for await (const page of pages) seen.push(page);
  expect(seen).toEqual([1, 2, 3]);
  expect([admission.requests, freed]).toEqual([0, ["pages"]]);
});

test("a stream whose client went away fails, is freed, and is no defect", async () => {
  const { pages, client, admission, incidents, freed } = newStream();
  await pages.next();
  client.abort();
  await expect(pages.next()).rejects.toMatchObject({ name: "AbortError" });
  expect(await pages.next()).toEqual({ done: true, value: undefined });
  expect([admission.requests, freed, incidents]).toEqual([0, ["pages"], []]);
});
