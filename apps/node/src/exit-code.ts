/** How the process ends, for scripts and supervisors. Codes are API. */

/** Stopped as asked. */
export const EXIT_OK = 0;
export const EXIT_CRASH = 1;
export const EXIT_USAGE = 2;
export const EXIT_DATA_IN_USE = 3;
export const EXIT_DATA_DAMAGED = 4;
export const EXIT_DATA_NEWER = 5;
export const EXIT_DISK = 6;
export const EXIT_ADDRESS = 7;
export const EXIT_STORE_FAILED = 8;
export const EXIT_CLUSTER_REFUSED = 9;
/** A signal's number is added, as shells do. */
export const EXIT_SIGNAL_BASE = 128;

/** Every code, for the help and the README. */
export const EXIT_CODES: readonly { readonly code: number; readonly meaning: string }[] = [
  { code: EXIT_OK, meaning: "stopped as asked" },
  { code: EXIT_CRASH, meaning: "a defect of the server" },
  { code: EXIT_USAGE, meaning: "a flag, variable or config file is not understood" },
  { code: EXIT_DATA_IN_USE, meaning: "another process uses the data directory" },
  { code: EXIT_DATA_DAMAGED, meaning: "the data is damaged" },
  { code: EXIT_DATA_NEWER, meaning: "the data was written by a newer version, or by one too old" },
  { code: EXIT_DISK, meaning: "the disk refuses: permission, space, or an error" },
  { code: EXIT_ADDRESS, meaning: "the address cannot be listened on" },
  { code: EXIT_STORE_FAILED, meaning: "a write to the disk failed while serving" },
  { code: EXIT_CLUSTER_REFUSED, meaning: "the cluster does not take this node" },
  { code: EXIT_SIGNAL_BASE + 2, meaning: "forced by a second SIGINT" },
  { code: EXIT_SIGNAL_BASE + 15, meaning: "forced by a second SIGTERM" },
];
