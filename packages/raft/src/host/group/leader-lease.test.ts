import { ManualClock } from "@titan/bitcask/testing";
import { describe, expect, test } from "vitest";
import type { ConfigState } from "../../core/configuration.js";
import { foundingSnapshot } from "../../core/founding.js";
import { toNodeId, toTerm } from "../../core/ids.js";
import type { LeaseMessage } from "../wire/host-message.js";
import { type LeasedCore, TimedLease } from "./leader-lease.js";

const PROMISE_MS = 1000;
const DRIFT = 0.1;
const SELF = toNodeId(1);
const TERM = toTerm(7);

class Rig {
  readonly clock = new ManualClock();
  readonly lease: TimedLease;
  core: LeasedCore = { id: SELF, role: "leader", term: TERM, leader: SELF };
  config = voters(1, 2, 3);
  asked: LeaseMessage[] = [];

  constructor(mayHavePromised = false) {
    const { clock } = this;
    const drift = { maxClockDrift: DRIFT, everyTicks: 1 };
    this.lease = new TimedLease({ clock, promiseMs: PROMISE_MS, ...drift, mayHavePromised });
  }

  tick(): void {
    this.asked = [];
    this.lease.tick(this.core, this.config, (message) => this.asked.push(message));
  }

  answer(from: number, change: Partial<LeaseMessage> = {}): void {
    const [asked] = this.asked;
    this.lease.hear(this.core, this.config, {
      ...asked!,
      type: "lease-response",
      from: toNodeId(from),
      to: SELF,
      ...change,
    });
  }

  get isHeld(): boolean {
    return this.lease.isHeld(this.core.term);
  }
}

function voters(...ids: number[]): ConfigState {
  return foundingSnapshot({ voters: ids }).meta.config;
}

function request(change: Partial<LeaseMessage> = {}): LeaseMessage {
  const ends = { from: toNodeId(2), to: SELF, term: TERM };
  return { type: "lease-request", ...ends, round: 1, promiseMs: PROMISE_MS, ...change };
}

describe("a leader", () => {
  test("asks the other voters of both halves, once each", () => {
    const rig = new Rig();
    rig.config = { ...voters(1, 2, 3), votersOutgoing: [1, 3, 4].map(toNodeId) };
    rig.tick();
    expect(rig.asked.map(({ to }) => to)).toEqual([2, 3, 4]);
  });

  test("holds its lease once a majority has promised, until twice the drift is taken off", () => {
    const rig = new Rig();
    rig.tick();
    expect(rig.isHeld).toBe(false);
    rig.clock.advance(400);
    rig.answer(2);
    expect(rig.isHeld).toBe(true);
    rig.clock.advance(399);
    expect(rig.isHeld).toBe(true);
    rig.clock.advance(1);
    expect(rig.isHeld).toBe(false);
  });

  test("is over before a promise, after a suspension that its wall clock lets pass as well", () => {
    const rig = new Rig();
    const SUSPENDED_MS = PROMISE_MS * DRIFT - 1;
    rig.tick();
    rig.answer(2);
    rig.clock.jumpWall(SUSPENDED_MS);
    const startMs = rig.clock.monotonicMs();
    expect(rig.isHeld).toBe(true);
    while (rig.isHeld) rig.clock.advance(1);
    const passedMs = rig.clock.monotonicMs() - startMs + SUSPENDED_MS;
    expect(passedMs * (1 + DRIFT)).toBeLessThan(PROMISE_MS);
  });

  test("counts no answer to what it did not ask, in this term and for this long", () => {
    const rig = new Rig();
    rig.tick();
    rig.answer(2, { term: toTerm(6) });
    rig.answer(2, { round: 99 });
    rig.answer(2, { promiseMs: 10 });
    rig.answer(9);
    expect(rig.isHeld).toBe(false);
  });

  test("counts no answer to an earlier term, nor one from before it stood still", () => {
    const rig = new Rig();
    rig.tick();
    rig.answer(2);
    rig.core = { ...rig.core, term: toTerm(8) };
    expect(rig.isHeld).toBe(false);
    const [earlier] = rig.asked;
    rig.tick();
    rig.answer(2, { round: earlier!.round });
    expect(rig.isHeld).toBe(false);
    rig.answer(2);
    expect(rig.isHeld).toBe(true);
    const [before] = rig.asked;
    rig.lease.lose();
    rig.tick();
    rig.answer(2, { round: before!.round });
    expect(rig.isHeld).toBe(false);
  });

  test("does without the promises of those that are voters no more", () => {
    const rig = new Rig();
    rig.tick();
    rig.answer(2);
    rig.config = voters(1, 4, 5);
    rig.lease.reconfigure(rig.core, rig.config);
    expect(rig.isHeld).toBe(false);
  });

  test("forgets askings whose promises have run out", () => {
    const rig = new Rig();
    rig.tick();
    const [first] = rig.asked;
    for (let tick = 0; tick < 100; tick += 1) {
      rig.clock.advance(100);
      rig.tick();
    }
    rig.answer(2, { round: first!.round });
    expect(rig.isHeld).toBe(false);
    rig.answer(2);
    expect(rig.isHeld).toBe(true);
  });
});

describe("a member", () => {
  const follower: LeasedCore = { id: SELF, role: "follower", term: TERM, leader: toNodeId(2) };

  test("promises its leader what it asks for, and is bound for that long", () => {
    const rig = new Rig();
    expect(rig.lease.isGranted()).toBe(false);
    expect(rig.lease.hear(follower, rig.config, request())).toEqual({
      ...request(),
      type: "lease-response",
      from: SELF,
      to: 2,
    });
    rig.clock.advance(PROMISE_MS - 1);
    expect(rig.lease.isGranted()).toBe(true);
    rig.clock.advance(1);
    expect(rig.lease.isGranted()).toBe(false);
  });

  test.each([
    ["one that it does not follow", { from: toNodeId(3) }],
    ["a leader of another term", { term: toTerm(6) }],
    ["one that wants more than this member would wait for after a restart", { promiseMs: 1001 }],
  ])("promises nothing to %s", (_, change) => {
    const rig = new Rig();
    expect(rig.lease.hear(follower, rig.config, request(change))).toBeUndefined();
    expect(rig.lease.isGranted()).toBe(false);
  });

  test("that may have promised before it was restarted is bound from the start", () => {
    const rig = new Rig(true);
    rig.clock.advance(PROMISE_MS - 1);
    expect(rig.lease.isGranted()).toBe(true);
    rig.clock.advance(1);
    expect(rig.lease.isGranted()).toBe(false);
  });
});
