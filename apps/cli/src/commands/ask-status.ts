/** Asks endpoints how they are. */
import { failureOf } from "../failure.js";
import type { StatusAnswer } from "../server-report.js";
import type { CommandContext } from "./command.js";

type Asking = Pick<CommandContext, "client" | "endpoints" | "call">;
/** With what made a call fail, for who has nothing else to tell. */
type Answer =
  | Extract<StatusAnswer, { kind: "status" }>
  | (Extract<StatusAnswer, { kind: "no-status" }> & { readonly error: unknown });

/** Rejects only when the call's signal fires. */
export async function askOne(
  endpoint: string,
  { client, call }: Pick<Asking, "client" | "call">,
): Promise<Answer> {
  try {
    return { kind: "status", status: await client.status(endpoint, call) };
  } catch (error) {
    if (call.signal.aborted) throw error;
    return { kind: "no-status", endpoint, failure: failureOf(error, [endpoint]), error };
  }
}

/**
 * Asks all at once, so that one that hangs costs no more than its own timeout. Rejects as {@link
 * askOne}.
 */
export function askAll(asking: Asking): Promise<readonly Answer[]> {
  return Promise.all(asking.endpoints.map((endpoint) => askOne(endpoint, asking)));
}
