/** The user asked for something that cannot be; nothing was sent. `message` says what to do instead. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
  /** How the command is used, on one line, when it is known which command was meant. */
  readonly usage: string | undefined;

  constructor(message: string, usage?: string, options?: ErrorOptions) {
    super(message, options);
    this.usage = usage;
  }
}
