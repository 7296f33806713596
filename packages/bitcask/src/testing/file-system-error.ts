/**
 * What the in-memory file system throws: POSIX codes for what a kernel would refuse, and one error of
 * its own for a machine that has lost power.
 */

/** A refusal in the manner of a kernel: `code` is the POSIX name, such as `"ENOENT"`. */
export class FileSystemError extends Error {
  override readonly name: string = "FileSystemError";
  readonly code: string;
  readonly path: string;

  constructor(code: string, path: string, detail = "") {
    super(`${code}: ${detail === "" ? "" : `${detail}, `}'${path}'`);
    this.code = code;
    this.path = path;
  }
}

/**
 * The machine lost power: nothing that still runs can reach the disk. Every call on the file system
 * and on its handles fails so from the cut on; survivors are reached through the new file system that
 * `crash` returns.
 */
export class PowerCutError extends Error {
  override readonly name: string = "PowerCutError";
  readonly code = "POWER_CUT";

  constructor() {
    super("the simulated machine has lost power");
  }
}
