/** The state of a group as it is between two batches, encoded for the road. */

import type { SnapshotMeta } from "../../core/storage.js";
import { RaftHostError } from "../errors.js";
import { encodeSessions } from "../session/session-codec.js";
import type { SessionTable } from "../session/session-table.js";
import { encodeChunks } from "../snapshot/snapshot-format.js";
import { joinState } from "../snapshot/state-stream.js";
import type { StateMachine } from "../state-machine.js";
import type { ApplyPipeline } from "./apply-pipeline.js";

/** A state in chunks, and where it stands. */
export interface TakenState {
  readonly meta: SnapshotMeta;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * @param where the state stands when it is taken
 * @throws RaftHostError `RAFT_HOST_CLOSED` when the group ends before, `RAFT_HOST_LOST_SIGHT` while its
 *   configuration is one of a later point (see `RaftCore.applyConfigChange`); what the state machine throws,
 *   which costs this snapshot and nothing else
 */
export function takeState(
  pipeline: ApplyPipeline,
  parts: { readonly machine: StateMachine; readonly sessions: SessionTable },
  where: () => SnapshotMeta,
): Promise<TakenState> {
  return new Promise((resolve, reject) => {
    const take = async (): Promise<void> => {
      try {
        const meta = where();
        if (meta.config.changedAt > meta.index) {
          const message = "a snapshot is taking the place of this state";
          throw new RaftHostError({ code: "RAFT_HOST_LOST_SIGHT", message });
        }
        const taken = await parts.machine.snapshot();
        const state = "chunks" in taken ? taken.chunks : taken;
        const chunks = encodeChunks(joinState(encodeSessions(parts.sessions), state));
        resolve({ meta, chunks });
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    pipeline.run(take, () => {
      const message = "the group has ended on this host";
      reject(new RaftHostError({ code: "RAFT_HOST_CLOSED", message }));
    });
  });
}
