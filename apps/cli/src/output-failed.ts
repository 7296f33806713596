/** Output that cannot be written, for example because the disk is full. `cause` says why. */
export class OutputFailed extends Error {
  override readonly name: string = "OutputFailed";

  constructor(cause: unknown) {
    super(`cannot write the output: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
