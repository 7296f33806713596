/** How values are turned into bytes and back. */
import { utf8ToBytes } from "./utf-8.js";

/**
 * Turns values into bytes and back: `decode(encode(value))` equals `value`.
 *
 * `encode` throws when a value cannot be stored; the call then rejects with a `TypeError` whose `cause`
 * is what was thrown, and nothing is sent. `decode` throws when bytes are not such a value; the call then
 * rejects with `CLIENT_DECODE_FAILED`. `decode` owns the bytes that it gets, `encode` gives its away.
 */
export interface ValueCodec<V> {
  /** For messages: `"json"`, `"msgpack"`, … */
  readonly name: string;
  encode(value: V): Uint8Array;
  decode(bytes: Uint8Array): V;
}

/** What `JSON.parse` can give. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text as UTF-8. Refuses lone surrogates when encoding, and bytes that are not UTF-8 when decoding. */
export const stringValues: ValueCodec<string> = Object.freeze({
  name: "string",
  encode(value: string): Uint8Array {
    if (typeof value !== "string") throw new TypeError(`expected a string, got ${kindOf(value)}`);
    return utf8ToBytes(value);
  },
  decode: (bytes: Uint8Array): string => decoder.decode(bytes),
});

/** Bytes as they are. A `Buffer` is a `Uint8Array`. Decoded values are plain `Uint8Array`s. */
export const bytesValues: ValueCodec<Uint8Array> = Object.freeze({
  name: "bytes",
  encode(value: Uint8Array): Uint8Array {
    if (!(value instanceof Uint8Array)) {
      throw new TypeError(`expected a Uint8Array, got ${kindOf(value)}`);
    }
    return value;
  },
  decode: (bytes: Uint8Array): Uint8Array => bytes,
});

/**
 * Values as JSON text. Refuses what JSON has no word for at the top (`undefined`, functions, symbols) and
 * what `JSON.stringify` throws on (cycles, bigint). The type is a promise of the caller, not checked:
 * `new TitanClient({ values: jsonValues<User>() })`.
 */
export function jsonValues<V = JsonValue>(): ValueCodec<V> {
  return {
    name: "json",
    encode(value: V): Uint8Array {
      const text: string | undefined = JSON.stringify(value);
      if (text === undefined) throw new TypeError(`JSON has no form for ${kindOf(value)}`);
      return utf8ToBytes(text);
    },
    decode: (bytes: Uint8Array): V => JSON.parse(decoder.decode(bytes)) as V,
  };
}

/** A {@link ValueCodec} of whatever values. */
export interface AnyValueCodec {
  readonly name: string;
  encode(value: never): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/** A codec's name or a codec. */
export type ValuesOption = "string" | "bytes" | "json" | AnyValueCodec;

/** The type of values that a {@link ValuesOption} stands for. */
export type ValueOf<O extends ValuesOption> = O extends { decode(bytes: Uint8Array): infer V }
  ? V
  : O extends "bytes"
    ? Uint8Array
    : O extends "json"
      ? JsonValue
      : string;

/** The codec that `option` names. */
export function resolveValues<O extends ValuesOption>(option: O): ValueCodec<ValueOf<O>>;
export function resolveValues(option: ValuesOption): unknown {
  if (option === "string") return stringValues;
  if (option === "bytes") return bytesValues;
  if (option === "json") return jsonValues();
  if (typeof option?.encode === "function" && typeof option.decode === "function") return option;
  throw new TypeError(`values must be "string", "bytes", "json" or a codec, got ${kindOf(option)}`);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "object") return value.constructor?.name ?? "an object";
  return typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : typeof value;
}
