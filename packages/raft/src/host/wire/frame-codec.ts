/**
 * Frames: what one host sends to another in one turn, messages of many groups in one piece. Layout
 * in `docs/formats/raft-frames.md`:
 *
 *     version (1 byte), then sections: [bytes that follow, u32][code, u8][group, varint][body]
 *
 * A section of unknown code is skipped, so that a newer release may add some; a frame with anything
 * else wrong is dropped whole.
 */

import type { NodeId } from "../../core/ids.js";
import { ByteReader, MalformedBytes } from "./byte-reader.js";
import { ByteWriter } from "./byte-writer.js";
import type { WireMessage } from "./host-message.js";
import { MESSAGE_CODES, readMessageBody, writeMessageBody } from "./message-codec.js";

export const FRAME_VERSION = 1;

/** A message and the group that it belongs to. */
export interface GroupMessage {
  readonly group: number;
  readonly message: WireMessage;
}

/** A frame under construction. */
export class FrameBuilder {
  readonly #writer: ByteWriter;

  /** @param capacity expected bytes; more will do */
  constructor(capacity?: number) {
    this.#writer = new ByteWriter(capacity);
    this.#writer.u8(FRAME_VERSION);
  }

  /** Bytes so far. */
  get length(): number {
    return this.#writer.length;
  }

  add({ group, message }: GroupMessage): void {
    const writer = this.#writer;
    const start = writer.length;
    writer.u32(0);
    writer.u8(MESSAGE_CODES[message.type]);
    writer.varint(group);
    writeMessageBody(writer, message);
    writer.patchU32(writer.length - start - 4, start);
  }

  /** Takes back the messages that came after the frame had this length. */
  cutTo(length: number): void {
    this.#writer.cutTo(length);
  }

  finish(): Uint8Array {
    return this.#writer.finish();
  }
}

export function encodeFrame(messages: readonly GroupMessage[]): Uint8Array {
  const builder = new FrameBuilder();
  for (const message of messages) builder.add(message);
  return builder.finish();
}

/** What a frame held, or what is wrong with it. */
export type DecodedFrame =
  | {
      readonly messages: readonly GroupMessage[];
      /** Sections of a newer release, left out. */
      readonly unknownSections: number;
    }
  | { readonly problem: string };

/** Data of entries are views of `frame`, which must not change afterwards. Never throws. */
export function decodeFrame(
  frame: Uint8Array,
  ends: { readonly from: NodeId; readonly to: NodeId },
): DecodedFrame {
  try {
    return readFrame(frame, ends);
  } catch (error) {
    if (error instanceof MalformedBytes || error instanceof RangeError) {
      return { problem: error.message };
    }
    throw error;
  }
}

function readFrame(
  frame: Uint8Array,
  ends: { readonly from: NodeId; readonly to: NodeId },
): DecodedFrame {
  if (frame[0] !== FRAME_VERSION) return { problem: `frame version ${frame[0] ?? "missing"}` };
  const messages: GroupMessage[] = [];
  let unknownSections = 0;
  let at = 1;
  while (at < frame.length) {
    const length = new ByteReader(frame, at).u32();
    const end = at + 4 + length;
    if (end > frame.length) return { problem: "a section beyond the end" };
    const section = new ByteReader(frame, at + 4, end);
    const code = section.u8();
    const group = section.varint();
    if (group === 0) return { problem: "group 0" };
    const message = readMessageBody(code, section, ends);
    if (message === undefined) {
      unknownSections += 1;
    } else {
      section.expectEnd();
      messages.push({ group, message });
    }
    at = end;
  }
  return { messages, unknownSections };
}
