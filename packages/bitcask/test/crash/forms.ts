/** The forms in which a store may keep its records. Sweeps and random tests go over all of them. */
import type { BitcaskOptions, Codec } from "../../src/index.js";

/** Leaves out the run of one byte at the end, of which the values of workloads consist. */
const padding: Codec = {
  id: 99,
  name: "padding",
  compress(value) {
    let end = value.length;
    while (end > 1 && value[end - 1] === value[end - 2]) end -= 1;
    return value.subarray(0, end);
  },
  decompress(compressed, size) {
    if (compressed.length > size) throw new RangeError("larger than the value");
    const value = new Uint8Array(size).fill(compressed.at(-1) ?? 0);
    value.set(compressed);
    return value;
  },
};

const ENCRYPTION = { keyId: 5, key: Buffer.alloc(32, 5) };

export const FORMS = {
  plain: {},
  compressed: { compression: { codec: padding, minBytes: 8, minGain: 0.01 } },
  encrypted: { encryption: ENCRYPTION },
  "compressed and encrypted": {
    compression: { codec: padding, minBytes: 8, minGain: 0.01 },
    encryption: ENCRYPTION,
  },
} as const satisfies Record<string, BitcaskOptions>;

export type FormName = keyof typeof FORMS;
export const FORM_NAMES = Object.keys(FORMS) as FormName[];
