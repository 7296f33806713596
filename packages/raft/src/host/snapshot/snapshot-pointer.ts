/**
 * What the log keeps as the data of a snapshot: where the state is, not the state itself.
 *
 *     nothing          the state that the group was founded with
 *     "f" file name    a file of `SnapshotFiles`
 *     "h" number       held by a state machine on disk, which has this command, or a later one
 *
 * Never taken from another host: a pointer means something only here.
 */

import type { Snapshot } from "../../core/storage.js";

export function fileData(name: string): Uint8Array {
  return new TextEncoder().encode(`f${name}`);
}

export function heldData(lastCommand: number): Uint8Array {
  return new TextEncoder().encode(`h${lastCommand}`);
}

/** The file that holds the state; undefined when none does. */
export function snapshotFile(snapshot: Snapshot | undefined): string | undefined {
  const text = pointerText(snapshot);
  return text.startsWith("f") ? text.slice(1) : undefined;
}

/** The command that a state machine on disk had when the log was cut; 0 when there is none. */
export function heldCommand(snapshot: Snapshot | undefined): number {
  const text = pointerText(snapshot);
  return text.startsWith("h") ? Number(text.slice(1)) : 0;
}

function pointerText(snapshot: Snapshot | undefined): string {
  return snapshot === undefined ? "" : new TextDecoder().decode(snapshot.data);
}
