/**
 * A configuration as bytes: changedAt, autoLeave (0 or 1), then voters, votersOutgoing, learners and
 * learnersNext, each a count and its ids. All numbers are varints.
 */

import type { ConfigState } from "../../core/configuration.js";
import type { ByteReader } from "./byte-reader.js";
import { MalformedBytes } from "./byte-reader.js";
import type { ByteWriter } from "./byte-writer.js";

export function writeConfig(writer: ByteWriter, config: ConfigState): void {
  writer.varint(config.changedAt);
  writer.u8(config.autoLeave ? 1 : 0);
  const { voters, votersOutgoing, learners, learnersNext } = config;
  for (const list of [voters, votersOutgoing, learners, learnersNext]) {
    writer.varint(list.length);
    for (const id of list) writer.varint(id);
  }
}

export function readConfig(reader: ByteReader): ConfigState {
  const changedAt = reader.index();
  const flag = reader.u8();
  if (flag > 1) throw new MalformedBytes("neither true nor false");
  return {
    changedAt,
    autoLeave: flag === 1,
    voters: reader.nodeIds(),
    votersOutgoing: reader.nodeIds(),
    learners: reader.nodeIds(),
    learnersNext: reader.nodeIds(),
  };
}
