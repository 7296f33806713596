/** Random messages of every type in the contract, made from its descriptors, so that none is forgotten. */
import {
  createFileRegistry,
  type DescField,
  type DescMessage,
  fromBinary,
  ScalarType,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import * as fc from "fast-check";
import { fileDescriptorSet } from "../src/reflection.js";

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, fileDescriptorSet()));

/** Every message of the contract, by order of declaration. */
export const MESSAGE_TYPES: readonly DescMessage[] = [...registry.files]
  .filter((file) => file.proto.package === "titan.v1")
  .flatMap((file) => file.messages);

const safeInteger = fc.oneof(
  fc.constantFrom(0, 1, 127, 128, 2 ** 28, 2 ** 32 - 1, 2 ** 32, 2 ** 35, 2 ** 49, 2 ** 53 - 1),
  fc.maxSafeNat(),
);
const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.constantFrom("", "\u{feff}default", "é".repeat(12), "x".repeat(200)),
);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom(0, 24, 25, 127, 128, 300).map((length) => new Uint8Array(length).fill(7)),
);

const SCALARS: Partial<Record<ScalarType, fc.Arbitrary<unknown>>> = {
  [ScalarType.BYTES]: bytes,
  [ScalarType.STRING]: text,
  [ScalarType.BOOL]: fc.boolean(),
  [ScalarType.UINT32]: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  [ScalarType.UINT64]: safeInteger,
  [ScalarType.SINT64]: fc
    .tuple(safeInteger, fc.boolean())
    .map(([size, minus]) => (minus ? 0 - size : size)),
};

/** Messages with every property there, as `decode` makes them. */
export function arbitraryMessage(type: DescMessage): fc.Arbitrary<Record<string, unknown>> {
  const properties: Record<string, fc.Arbitrary<unknown>> = {};
  for (const member of type.members) {
    if (member.kind === "field") properties[member.localName] = arbitraryField(member);
    else {
      const cases = member.fields.map((field) =>
        arbitraryValue(field).map((value) => ({ $case: field.localName, value })),
      );
      properties[member.localName] = fc.oneof(fc.constant(undefined), ...cases);
    }
  }
  return fc.record(properties, { noNullPrototype: true });
}

function arbitraryField(field: DescField): fc.Arbitrary<unknown> {
  if (field.fieldKind === "list") return fc.array(arbitraryValue(field), { maxLength: 5 });
  const mayBeAbsent = field.fieldKind === "message" || field.proto.proto3Optional;
  const value = arbitraryValue(field);
  return mayBeAbsent ? fc.option(value, { nil: undefined, freq: 3 }) : value;
}

function arbitraryValue(field: DescField): fc.Arbitrary<unknown> {
  if (field.message !== undefined) return arbitraryMessage(field.message);
  if (field.enum !== undefined) {
    // Numbers that this version does not know, too: they must survive.
    return fc.oneof(
      fc.constantFrom(...field.enum.values.map((value) => value.number)),
      fc.integer(),
    );
  }
  const scalar = field.scalar === undefined ? undefined : SCALARS[field.scalar];
  if (scalar === undefined) throw new Error(`${field.toString()}: no arbitrary for its type`);
  return scalar;
}
