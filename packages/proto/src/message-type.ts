/** What one message can do, and how its codec is given to nice-grpc. */

import { WireReader } from "./wire-reader.js";
import { openWriter, type WireWriter } from "./wire-writer.js";

/**
 * Codec and constructors of one message, in the shape that nice-grpc expects.
 * @typeParam T the message, every field there
 * @typeParam P the message with any fields left out, at any depth
 */
export interface MessageType<T, P> {
  /**
   * The message in wire format, owned by the caller: `encode(message).finish()`. Fields that are left
   * out, `undefined` or `null` count as their default. Call `finish` once, at once.
   * @throws TypeError for a field of the wrong type
   * @throws RangeError for a number outside its field's range; 64-bit ones stay within ±(2^53 - 1)
   * @throws ProtoError `PROTO_TOO_MANY`
   */
  encode(message: T): { finish(): Uint8Array };
  /**
   * The message that `bytes` hold; unknown fields are dropped. `bytes` fields of the result are plain
   * Uint8Arrays that view `bytes`: whoever changes or reuses `bytes` changes them, and keeping one of
   * them keeps all of `bytes` alive. Copy what outlives the call (`field.slice()`).
   * @throws ProtoError `PROTO_MALFORMED`, `PROTO_OUT_OF_RANGE`, `PROTO_TOO_MANY`
   */
  decode(bytes: Uint8Array): T;
  /** A message with the given fields and defaults for the rest. */
  create(base?: P): T;
  /** As `create`. */
  fromPartial(object: P): T;
}

export function messageType<T extends P, P>(
  complete: (message: P) => T,
  write: (writer: WireWriter, message: P) => void,
  read: (reader: WireReader, end: number) => T,
): MessageType<T, P> {
  return {
    encode(message) {
      const writer = openWriter();
      write(writer, message);
      return writer;
    },
    decode(bytes) {
      return read(new WireReader(bytes), bytes.length);
    },
    create: (base) => complete(base ?? ({} as P)),
    fromPartial: complete,
  };
}

/**
 * The type as a service's methods use it. nice-grpc completes each message with `fromPartial` before it
 * encodes it; as `encode` takes partial messages, that copy is saved.
 */
export function onTheWire<T extends P, P>(type: MessageType<T, P>): MessageType<T, P> {
  return { ...type, fromPartial: (object) => object as T };
}
