/** What is wrong with how the server was called. */
import { nearestName } from "./nearest-name.js";

/** A setting, flag or file that is not understood; the message is meant for the person who gave it. */
export class ConfigError extends Error {
  override readonly name: string = "ConfigError";
  readonly code = "NODE_CONFIG_INVALID";
}

/** `; did you mean "x"?`, or nothing when no candidate is near. */
export function didYouMean(name: string, candidates: readonly string[]): string {
  const nearest = nearestName(name, candidates);
  return nearest === undefined ? "" : `; did you mean "${nearest}"?`;
}
