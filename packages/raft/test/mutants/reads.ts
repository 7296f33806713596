/** Bugs in linearizable reads. */

import type { Mutant } from "./mutant.js";

export const READS: readonly Mutant[] = [
  {
    id: "read-before-commit-of-term",
    pitfall: 6,
    rig: "core",
    file: "core/leader-reads.ts",
    before:
      "  if (!hasCommittedInTerm(node)) node.readsBeforeCommit.push(request);\n  else confirmRead(node, request);",
    after: "  confirmRead(node, request);",
    bug: "A new leader serves reads before it knows what is committed.",
  },
  {
    id: "read-without-confirmation",
    pitfall: 6,
    rig: "core",
    file: "core/leader-reads.ts",
    before: "  if (node.isOnlyVoter || holdsLease(node)) {",
    after: "  if (node.isOnlyVoter || holdsLease(node) || node.options.checkQuorum) {",
    bug: "A leader serves reads without asking anybody whether it still leads.",
  },
  {
    id: "read-at-applied-index",
    pitfall: 6,
    rig: "core",
    file: "core/leader-reads.ts",
    before: "  node.reads.add({ from, context, index: node.log.committed });",
    after: "  node.reads.add({ from, context, index: node.log.applied });",
    bug: "A read waits for what the leader has applied, not for what is committed.",
  },
];
