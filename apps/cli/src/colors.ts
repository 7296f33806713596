/** Whether to colour, and with what. */
import picocolors from "picocolors";

export type Colors = Pick<
  ReturnType<typeof picocolors.createColors>,
  "green" | "red" | "cyan" | "dim" | "bold"
>;

/** Colours for a stream, or functions that leave text as it is. */
export function createColors(isEnabled: boolean): Colors {
  return picocolors.createColors(isEnabled);
}

/**
 * `--color` and `--no-color` win, then NO_COLOR (https://no-color.org: set and not empty), then
 * FORCE_COLOR, then whether the stream is a terminal that knows colours.
 */
export function wantsColor(
  flag: boolean | undefined,
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): boolean {
  if (flag !== undefined) return flag;
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  const forced = env["FORCE_COLOR"] ?? "";
  if (forced !== "") return forced !== "0" && forced !== "false";
  return isTerminal && env["TERM"] !== "dumb";
}
