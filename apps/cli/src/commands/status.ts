import type { Command } from "commander";
import { failureOf } from "../failure.js";
import type { Report } from "../report.js";
import type { CommandContext, Grammar } from "./command.js";

export function registerStatus(parent: Command, grammar: Grammar): void {
  parent
    .command("status")
    .usage("")
    .summary("show how the servers are")
    .description("Asks every endpoint how it is. Ends with 4 when one cannot be reached.")
    .action(() => grammar.submit(status));
}

async function* status({ client, endpoints, call }: CommandContext): AsyncGenerator<Report> {
  for (const endpoint of endpoints) {
    yield await askOne(endpoint);
  }

  async function askOne(endpoint: string): Promise<Report> {
    try {
      return { kind: "status", status: await client.status(endpoint, call) };
    } catch (error) {
      // With several endpoints the next one may still answer; otherwise this is the whole answer.
      if (endpoints.length === 1 || call.signal.aborted) throw error;
      return { kind: "no-status", endpoint, failure: failureOf(error, [endpoint]) };
    }
  }
}
