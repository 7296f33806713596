/** The driver itself: that it reads the format, and that it would notice a difference. */

import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../support/seeded-random.js";
import { ConfChangeScript } from "./confchange-commands.js";
import { parseCommandLine, parseScript } from "./datadriven.js";
import { playDirective } from "./interaction-commands.js";
import { InteractionEnv } from "./interaction-env.js";
import { playQuorum } from "./quorum-commands.js";
import { findScripts, playScript } from "./script-files.js";
import { withoutLogLines } from "./script-output.js";

function play(script: string): string[] {
  const env = new InteractionEnv(seededRandom(1));
  return parseScript(script).map((directive) => playDirective(env, directive));
}

describe("the script format", () => {
  test("arguments are words, pairs, and pairs with lists", () => {
    expect(parseCommandLine("add-nodes 3 voters=(1, 2,3) index=10 empty=()")).toEqual({
      command: "add-nodes",
      args: [
        { key: "3", values: [] },
        { key: "voters", values: ["1", "2", "3"] },
        { key: "index", values: ["10"] },
        { key: "empty", values: [] },
      ],
    });
  });

  test("directives have a line, input, and output up to a blank line or a double separator", () => {
    const script =
      "# note\n\nfirst a\nin 1\nin 2\n----\nout\n\nsecond\n----\n----\na\n\nb\n----\n----\n";
    expect(parseScript(script)).toMatchObject([
      { line: 3, command: "first", input: "in 1\nin 2", expected: "out" },
      { line: 9, command: "second", input: "", expected: "a\n\nb" },
    ]);
  });

  test("a directive without output section is an error, not silence", () => {
    expect(() => parseScript("campaign 1\n")).toThrow("line 1");
  });

  test("log lines are left out, indented ones too, and nothing else", () => {
    expect(withoutLogLines("INFO x\n  DEBUG y\n> 1 handling\n  WARNING")).toBe(
      "> 1 handling\n  WARNING",
    );
    expect(withoutLogLines("INFO x\n")).toBe(withoutLogLines("ok"));
  });
});

const TWO_NODES =
  "must specify exactly two node indexes: node on which to report, and reported node";
const LEASE_NEEDS_QUORUM = "CheckQuorum must be enabled when ReadOnlyOption is ReadOnlyLeaseBased";

describe("the interaction driver", () => {
  const SETUP =
    "log-level none\n----\n\nadd-nodes 1 voters=(1) index=2\n----\n\ncampaign 1\n----\n\n";

  test("level none silences everything but returned errors", () => {
    const printed = play(`${SETUP}stabilize\n----\n\nraft-state\n----\n\nstabilise\n----\n`);
    expect(printed).toEqual(["ok", "ok", "ok", "ok", "ok", "unknown command"]);
  });

  test("prints what nodes do, so that a wrong expectation fails", () => {
    const printed = play(`${SETUP}log-level debug\n----\n\nstabilize\n----\n`).at(-1) ?? "";
    expect(printed).toContain("HardState Term:1 Vote:1 Commit:3");
    expect(printed).not.toContain("Vote:2");
  });

  test("messages to a node's own storage cannot be dropped", () => {
    const script = `add-nodes 1 voters=(1) index=2 async-storage-writes=true\n----\n\n`;
    const steps = "campaign 1\n----\n\nprocess-ready 1\n----\n\nprocess-append-thread 1\n----\n\n";
    const printed = play(`${script}${steps}deliver-msgs drop=(1)\n----\n\ndeliver-msgs 1\n----\n`);
    expect(printed.slice(-2)).toEqual(["no messages\n", "1->1 MsgVoteResp Term:1 Log:0/0\n"]);
  });

  test.each([
    ["propose 1 x", "raft proposal dropped"],
    [
      "propose-conf-change 1 v1=true\nv2 v3",
      "v1 conf change can only have one operation and no transition",
    ],
    ["propose-conf-change 1 transition=never\nv2", "unknown transition never"],
    ["add-nodes 1 voters=(1) index=1", "index must be specified as > 1 due to bootstrap"],
    ["add-nodes 1 voters=(1) index=2 read-only=maybe", 'invalid read-only option "maybe"'],
    ["log-level loud", "log levels must be either of [DEBUG INFO WARN ERROR FATAL NONE]"],
    ["deliver-msgs 1", "no messages\n"],
    ["process-append-thread 1", "no append work to perform"],
    ["raft-log 1", "log is empty: first index=3, last index=2"],
    ["status 1", "ok"],
    ["report-unreachable 1", TWO_NODES],
    ["compact 1 2", "requested index is unavailable due to compaction"],
    ["propose-conf-change 1 v2=true\nv2", "unknown command v2"],
    ["propose-conf-change 1\nx2", "unknown input: x2"],
    ["propose-conf-change 1\nv", "unknown token v"],
    ["add-nodes 1 heartbeat-tick=3", "election tick must be greater than heartbeat tick"],
    ["add-nodes 1 inflight=0", "max inflight messages must be greater than 0"],
    ["add-nodes 1 read-only=lease-based", LEASE_NEEDS_QUORUM],
    ["_breakpoint", "ok"],
  ])("%s prints %s", (command, expected) => {
    const printed = play(`add-nodes 1 voters=(1) index=2\n----\n\n${command}\n----\n`);
    expect(printed.at(-1)).toBe(expected);
  });

  test("each command on its own input line is played as well", () => {
    const printed = play(`${SETUP}log-level debug\nstabilize log-level=none\nraft-state\n----\n`);
    expect(printed.at(-1)).toBe("1: StateLeader (Voter) Term:1 Lead:1\n");
  });
});

describe("commands of one directive", () => {
  const TWO = "add-nodes 2 voters=(1,2) index=2\n----\n\n";

  test("go on after one that fails, with all its output", () => {
    const printed = play(`${TWO}raft-log 1\npropose 1 x\nraft-log 2\n----\n`).at(-1);
    const empty = "log is empty: first index=3, last index=2";
    expect(printed).toBe(`${empty}raft proposal dropped${empty}`);
  });

  test("end with the first error when silenced", () => {
    const printed = play(`${TWO}log-level none\npropose 1 x\npropose 2\n----\n`).at(-1);
    expect(printed).toBe("raft proposal dropped");
  });

  test("end with the first error of the first command", () => {
    expect(play(`${TWO}propose 1 x\nraft-log 1\n----\n`).at(-1)).toBe("raft proposal dropped");
  });
});

test("recipients are served in the order in which they are named", () => {
  const steps = "campaign 1\n----\n\nprocess-ready 1\n----\n\ndeliver-msgs drop=(3) 2\n----\n";
  const printed = play(`add-nodes 3 voters=(1,2,3) index=2\n----\n\n${steps}`).at(-1);
  expect(printed).toMatch(/^dropped: 1->3 MsgVote .*\n1->2 MsgVote /);
});

test("ticks are those that the node was made with", () => {
  const options = "voters=(1,2) index=2 election-tick=8 heartbeat-tick=4";
  const setup = `log-level none\nadd-nodes 2 ${options}\ncampaign 1\nstabilize\n----\n\n`;
  const beat = "log-level debug\ntick-heartbeat 1\nprocess-ready 1\n----\n\n";
  const wait = "set-randomized-election-timeout 2 timeout=8\ntick-election 2\nraft-state\n----\n";
  const [, beating, waiting] = play(setup + beat + wait);
  expect(beating).toContain("1->2 MsgHeartbeat Term:1");
  expect(waiting).toContain("2: StateCandidate (Voter) Term:2");
});

describe("finding scripts", () => {
  test("plays each by its first command, whatever its folder is called", () => {
    const kinds = ["vote cfg=(1) votes=(y)", "simple\nv1", "add-nodes 1 voters=(1) index=2"];
    const printed = kinds.map((one) => [...playScript(`${one}\n----\n`, 1)][0]?.printed);
    expect(printed).toEqual(["VoteWon\n", "voters=(1)\n1: StateProbe match=0 next=1", "ok"]);
  });

  test("takes every text with an output section, however deep, and nothing else", () => {
    const files = fileURLToPath(new URL("../scripts/", import.meta.url));
    expect(findScripts(files)).toContain("paging.txt");
    const golden = fileURLToPath(new URL("../wal/", import.meta.url));
    expect(findScripts(golden)).toEqual([]);
  });
});

describe("the other drivers", () => {
  test("quorum scripts refuse input that does not fit the voters", () => {
    const [directive] = parseScript("vote cfg=(1,2) votes=(y)\n----\n");
    expect(directive && playQuorum(directive)).toContain("error: mismatched input");
  });

  test("configuration scripts say why a change is refused", () => {
    const script = new ConfChangeScript();
    const printed = parseScript("simple\nl1\n----\n\nleave-joint\n----\n").map((one) =>
      script.play(one),
    );
    expect(printed).toEqual(["removed all voters", "can't leave a non-joint config"]);
  });
});
