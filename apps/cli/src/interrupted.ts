/** The user pressed Ctrl-C. The reason with which signals fire; calls of the client say more. */
export class Interrupted extends Error {
  override readonly name: string = "Interrupted";

  constructor() {
    super("interrupted");
  }
}
