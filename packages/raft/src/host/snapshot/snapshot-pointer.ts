/**
 * What the log keeps as the data of a snapshot: where the state is, not the state itself.
 *
 *     nothing               the state that the group was founded with
 *     "f" file              a file of `SnapshotFiles` with sessions and state
 *     "h" number            held by a state machine on disk, up to this command at least; no sessions
 *     "h" number ":" file   the same, and the sessions in a file
 *
 * Never taken from another host: a pointer means something only here.
 */

import type { Snapshot } from "../../core/storage.js";

export function fileData(file: string): Uint8Array {
  return new TextEncoder().encode(`f${file}`);
}

/** @param file that holds the sessions; undefined when there are none */
export function heldData(lastCommand: number, file: string | undefined): Uint8Array {
  return new TextEncoder().encode(`h${lastCommand}${file === undefined ? "" : `:${file}`}`);
}

/** The file that belongs to the snapshot; undefined when none does. */
export function snapshotFile(snapshot: Snapshot | undefined): string | undefined {
  const text = pointerText(snapshot);
  if (text.startsWith("f")) return text.slice(1);
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : text.slice(colon + 1);
}

/** The file, if the state machine's own state is in it. */
export function stateFile(snapshot: Snapshot | undefined): string | undefined {
  return pointerText(snapshot).startsWith("f") ? snapshotFile(snapshot) : undefined;
}

/** The command that a state machine on disk had when the log was cut; 0 when there is none. */
export function heldCommand(snapshot: Snapshot | undefined): number {
  const text = pointerText(snapshot);
  return text.startsWith("h") ? Number.parseInt(text.slice(1), 10) : 0;
}

function pointerText(snapshot: Snapshot | undefined): string {
  return snapshot === undefined ? "" : new TextDecoder().decode(snapshot.data);
}
