import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type ConfigChange,
  decodeConfigChange,
  encodeConfigChange,
  encodeSingleConfigChange,
  entersJoint,
  formatMemberChanges,
  LEAVE_JOINT,
  leavesJoint,
  type MemberChange,
  parseMemberChanges,
} from "./config-change.js";
import { toNodeId } from "./ids.js";

const memberChange: fc.Arbitrary<MemberChange> = fc.record({
  operation: fc.constantFrom("add-voter", "remove", "update", "add-learner"),
  node: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).map(toNodeId),
});

const configChange: fc.Arbitrary<ConfigChange> = fc
  .record({
    transition: fc.constantFrom("auto" as const, "implicit" as const, "explicit" as const),
    changes: fc.array(memberChange, { maxLength: 200 }),
    context: fc.uint8Array({ maxLength: 20 }),
  })
  .map(({ context, ...rest }) => (context.length > 0 ? { ...rest, context } : rest));

const MALFORMED = expect.objectContaining({ code: "RAFT_CONFIG_CHANGE_MALFORMED" });

describe("the encoding of configuration changes", () => {
  test("decoding undoes it", () => {
    fc.assert(
      fc.property(configChange, (change) => {
        expect(decodeConfigChange(encodeConfigChange(change))).toEqual(change);
      }),
    );
  });

  test("decoding undoes that of a single change", () => {
    fc.assert(
      fc.property(memberChange, (change) => {
        const decoded = decodeConfigChange(encodeSingleConfigChange(change));
        expect(decoded).toEqual({ transition: "auto", changes: [change] });
      }),
    );
  });

  test("arbitrary bytes decode or are refused, and nothing else happens", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (data, single) => {
        const type = single ? "single-config-change" : "config-change";
        try {
          decodeConfigChange({ type, data });
        } catch (error) {
          expect(error).toMatchObject({ code: "RAFT_CONFIG_CHANGE_MALFORMED" });
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("leaving a joint configuration takes no bytes, so no limit can refuse it", () => {
    expect(encodeConfigChange(LEAVE_JOINT).data).toHaveLength(0);
    expect(decodeConfigChange(encodeConfigChange(LEAVE_JOINT))).toEqual(LEAVE_JOINT);
  });

  test("its bytes stay as they are: logs outlive programs", () => {
    const change = {
      transition: "explicit",
      changes: parseMemberChanges("v1 l300 r2 u4"),
    } as const;
    expect([...encodeConfigChange(change).data]).toEqual([2, 4, 0, 1, 3, 0xac, 2, 1, 2, 2, 4]);
  });

  test.each([
    [[9, 0]],
    [[0, 1, 7, 1]],
    [[0, 2, 0, 1]],
    [[0, 1, 0, 0x80]],
    [[0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]],
    [[0, 0xff, 0xff, 0x7f]],
  ])("%j is malformed", (bytes) => {
    const entry = { type: "config-change", data: new Uint8Array(bytes) } as const;
    expect(() => decodeConfigChange(entry)).toThrow(MALFORMED);
  });

  test("a normal entry holds none", () => {
    expect(() => decodeConfigChange({ type: "normal", data: new Uint8Array(0) })).toThrow(
      MALFORMED,
    );
  });
});

describe("the written form", () => {
  test("reads what it writes", () => {
    fc.assert(
      fc.property(fc.array(memberChange), (changes) => {
        const small = changes.filter(({ node }) => node < 10 ** 15);
        expect(parseMemberChanges(formatMemberChanges(small))).toEqual(small);
      }),
    );
  });

  test.each(["x1", "v", "v1x", "v-1", "1", "v1,l2"])("%s is malformed", (text) => {
    expect(() => parseMemberChanges(text)).toThrow(MALFORMED);
  });
});

describe("the way a change goes", () => {
  const change = (text: string, transition: ConfigChange["transition"] = "auto"): ConfigChange => ({
    transition,
    changes: parseMemberChanges(text),
  });

  test("one change goes directly unless asked otherwise, several go through a joint one", () => {
    expect(entersJoint(change("v1"))).toBe(false);
    expect(entersJoint(change("v1", "explicit"))).toBe(true);
    expect(entersJoint(change("v1 v2"))).toBe(true);
    expect(leavesJoint(change(""))).toBe(true);
    expect(leavesJoint(change("", "explicit"))).toBe(false);
  });
});
