/** What a group wants written, as it reaches the log. */
import { expect, test } from "vitest";
import { foundingSnapshot, toLogIndex, toNodeId, toTerm } from "../../core/index.js";
import type { WriteJob } from "../log-writer.js";
import { AppendTasks } from "./append-tasks.js";

test("entries behind a snapshot are written with it, and heard of when both are there", () => {
  const jobs: WriteJob[] = [];
  const heard: string[] = [];
  let restored = (): void => undefined;
  const tasks: AppendTasks = new AppendTasks({
    group: 1,
    write: (job) => jobs.push(job),
    deliver: ({ type }) => heard.push(type),
    restore: (_snapshot, done) => {
      restored = done;
    },
    onDone: () => tasks.release(),
    onRefused: (error) => {
      throw error;
    },
  });
  const snapshot = foundingSnapshot({ voters: [1, 2] });
  const { index } = snapshot.meta;
  const entry = { term: toTerm(1), index: toLogIndex(index + 1), data: new Uint8Array(3) };
  const entries = [{ ...entry, type: "normal" as const }];
  const last = { index: entry.index, term: entry.term };
  const done = { type: "append-done", to: toNodeId(1), term: toTerm(1), last, snapshot } as const;
  tasks.add({ snapshot, entries, responses: [done], mustSync: true });
  expect(jobs).toMatchObject([{ update: { group: 1, installSnapshot: snapshot, entries } }]);
  tasks.release();
  expect(heard).toEqual([]);
  jobs[0]?.onWritten();
  tasks.release();
  expect(heard).toEqual([]);
  restored();
  expect(heard).toEqual(["append-done"]);
});
