import type { Command } from "commander";
import { diagnose } from "../doctor/diagnose.js";
import type { Report } from "../report.js";
import { askAll } from "./ask-status.js";
import type { CommandContext, Grammar } from "./command.js";

export function registerDoctor(parent: Command, grammar: Grammar): void {
  parent
    .command("doctor")
    .usage("")
    .summary("say what is wrong with a cluster, and what to do")
    .description(
      "Asks every endpoint, and says of what is not as it should be what it means and what to do about it: servers " +
        "that do not answer, nodes that are down, shards without leader or with too few replicas, replicas that " +
        "are behind, full disks, clocks and versions that differ. Changes nothing. Ends with 7 when there is a problem.",
    )
    .addHelpText("after", grammar.isShell ? "" : OUTPUT)
    .action(() => {
      grammar.submit(async function* doctor(context: CommandContext): AsyncGenerator<Report> {
        yield { kind: "diagnosed", diagnosis: diagnose(await askAll(context)) };
      });
    });
}

const OUTPUT = `
Problems come first, then warnings, which do not change the exit code. What only a node itself knows, such as
room on its disk, is known of the endpoints that are named. With --json it is one object.

Examples:
  titan doctor
  titan doctor --endpoint a:7420,b:7420,c:7420
  titan doctor --json | jq '.findings[] | select(.severity == "problem")'
`;
