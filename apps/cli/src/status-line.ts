/** A line at the bottom of a terminal that changes in place, such as a progress bar. */
import type { Output } from "./output.js";

/** To the first column, and nothing behind it. */
const CLEAR = "\r\u001b[K";
const USUAL_COLUMNS = 80;

export class StatusLine {
  private readonly output: Output;
  private readonly columns: number | undefined;
  private isShown = false;

  /** @param columns of the terminal; `undefined` where it is none, and nothing is ever shown */
  constructor(output: Output, columns: number | undefined) {
    this.output = output;
    this.columns = columns;
  }

  /** Replaces what is shown; `""` takes it away. Fails as {@link Output.write} does. */
  async show(text: string): Promise<void> {
    if (this.columns === undefined) return;
    if (text === "") return this.clear();
    this.isShown = true;
    // One that wraps could not be taken back. Some terminals say that they have no columns.
    const room = (this.columns || USUAL_COLUMNS) - 1;
    await this.output.write(`${CLEAR}${text.slice(0, room)}`);
  }

  /** Takes it away, so that other text has the line. */
  async clear(): Promise<void> {
    if (!this.isShown) return;
    this.isShown = false;
    await this.output.write(CLEAR);
    await this.output.flush();
  }
}
