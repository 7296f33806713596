import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foundingConfig } from "../../core/configuration.js";
import type { Entry } from "../../core/entry.js";
import { toLogIndex, toNodeId, toTerm } from "../../core/ids.js";
import { decodeFrame, encodeFrame } from "./frame-codec.js";
import type { WireMessage } from "./host-message.js";

const ENDS = { from: toNodeId(7), to: toNodeId(9) };
const LARGEST = Number.MAX_SAFE_INTEGER;

const count = fc.oneof(fc.nat(300), fc.maxSafeNat());
const term = count.map(toTerm);
const index = count.map(toLogIndex);
const position = fc.record({ term, index });
const data = fc.uint8Array({ maxLength: 300 });
const committed = fc.option(position, { nil: undefined });
const base = fc.constant(ENDS);

function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

const entries = fc
  .tuple(
    fc.record({ term: fc.nat(1000).map(toTerm), index: fc.nat(10_000).map(toLogIndex) }),
    fc.array(
      fc.record({
        growth: fc.nat(3),
        type: fc.constantFrom("normal", "config-change", "single-config-change"),
        data,
      }),
      { maxLength: 5 },
    ),
  )
  .map(([previous, items]) => {
    let at: number = previous.term;
    const made: Entry[] = items.map(({ growth, type, data }, offset) => {
      at += growth;
      const place = { term: toTerm(at), index: toLogIndex(previous.index + offset + 1) };
      return { ...place, type, data };
    });
    return { previous, entries: made };
  });

const message: fc.Arbitrary<WireMessage> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("vote-request" as const, "pre-vote-request" as const),
      term,
      position,
      fc.boolean(),
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      committed,
    )
    .map(([type, term, last, isTransfer, priority, known]) => {
      const known_ = optional("committed", known);
      return { type, ...ENDS, term, last, isTransfer, priority, ...known_ };
    }),
  fc
    .tuple(
      fc.constantFrom("vote-response" as const, "pre-vote-response" as const),
      term,
      fc.boolean(),
      committed,
    )
    .map(([type, term, granted, known]) => {
      return { type, ...ENDS, term, granted, ...optional("committed", known) };
    }),
  fc.tuple(base, term, entries, index).map(([ends, term, log, commit]) => {
    return { type: "append-request", ...ends, term, ...log, commit };
  }),
  fc.tuple(base, term, index, committed).map(([ends, term, index, hint]) => {
    return { type: "append-response", ...ends, term, index, ...optional("rejectedHint", hint) };
  }),
  fc.tuple(base, term, index, count).map(([ends, term, commit, readPosition]) => {
    return { type: "heartbeat-request", ...ends, term, commit, readPosition };
  }),
  fc.tuple(base, term, count).map(([ends, term, readPosition]) => {
    return { type: "heartbeat-response", ...ends, term, readPosition };
  }),
  fc.tuple(base, term).map(([ends, term]) => ({ type: "timeout-now", ...ends, term })),
  fc.tuple(base, term, index).map(([ends, term, index]) => {
    return { type: "sleep-request", ...ends, term, index };
  }),
  fc.tuple(base, term, count, count).map(([ends, term, round, promiseMs]) => {
    return { type: "lease-response", ...ends, term, round, promiseMs };
  }),
  fc.tuple(base, term).map(([ends, term]) => {
    return { type: "transfer-request", ...ends, term, transferee: toNodeId(3) };
  }),
  fc.tuple(base, fc.array(data, { maxLength: 4 })).map(([ends, items]) => {
    const proposed = items.map((data) => ({ type: "normal" as const, data }));
    return { type: "propose-request", ...ends, entries: proposed };
  }),
  fc.tuple(base, count).map(([ends, context]) => ({ type: "read-request", ...ends, context })),
  fc.tuple(base, term, count, index).map(([ends, term, context, index]) => {
    return { type: "read-response", ...ends, term, context, index };
  }),
  fc.tuple(base, term, position, data).map(([ends, term, at, data]) => {
    const config = foundingConfig({ voters: [1, 2, 300], learners: [LARGEST] });
    return { type: "snapshot-request", ...ends, term, snapshot: { meta: { ...at, config }, data } };
  }),
) as fc.Arbitrary<WireMessage>;

const groupMessage = fc.record({ group: fc.integer({ min: 1, max: LARGEST }), message });
const frames = fc.array(groupMessage, { maxLength: 6 });

/** Buffers and plain arrays of bytes compare alike. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array || Array.isArray(value)) return Array.from(value, plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

describe("a frame", () => {
  test("holds any messages of any groups, and gives them back", () => {
    fc.assert(
      fc.property(frames, (messages) => {
        const decoded = decodeFrame(encodeFrame(messages), ENDS);
        expect(decoded).toMatchObject({ unknownSections: 0 });
        if ("messages" in decoded) expect(plain(decoded.messages)).toEqual(plain(messages));
      }),
    );
  });

  test("cut short anywhere is dropped whole, or ends between two sections", () => {
    fc.assert(
      fc.property(frames, fc.nat(), (messages, cut) => {
        const frame = encodeFrame(messages);
        const decoded = decodeFrame(frame.subarray(0, cut % frame.length), ENDS);
        if (!("messages" in decoded)) return;
        const got = plain(decoded.messages) as unknown[];
        expect(got).toEqual((plain(messages) as unknown[]).slice(0, got.length));
        expect(got.length).toBeLessThan(messages.length);
      }),
    );
  });

  test("with any bytes changed never makes the decoder throw", () => {
    fc.assert(
      fc.property(
        frames,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        (messages, changes) => {
          const frame = Uint8Array.from(encodeFrame(messages));
          for (const [at, value] of changes) frame[at % frame.length] = value;
          expect(() => decodeFrame(frame, ENDS)).not.toThrow();
        },
      ),
    );
  });

  test("of any bytes at all never makes the decoder throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => decodeFrame(bytes, ENDS)).not.toThrow();
        expect(() => decodeFrame(Uint8Array.of(1, ...bytes), ENDS)).not.toThrow();
      }),
    );
  });

  test("of a newer release keeps the sections that are known", () => {
    const known = { group: 5, message: { type: "timeout-now", ...ENDS, term: toTerm(3) } } as const;
    const frame = encodeFrame([known]);
    // 3 bytes of a section with code 200, in front.
    const newer = Uint8Array.of(1, 3, 0, 0, 0, 200, 1, 42, ...frame.subarray(1));
    expect(decodeFrame(newer, ENDS)).toEqual({ messages: [known], unknownSections: 1 });
  });

  test("of another version is refused with words", () => {
    expect(decodeFrame(Uint8Array.of(2), ENDS)).toEqual({ problem: "frame version 2" });
    expect(decodeFrame(new Uint8Array(0), ENDS)).toEqual({ problem: "frame version missing" });
  });
});
