/** How each kind of field is written and read by generated code. */

const SCALARS = {
  TYPE_BYTES: {
    method: "bytes",
    wire: 2,
    initial: "EMPTY_BYTES",
    isDefault: (v) => `${v}.length === 0`,
  },
  TYPE_STRING: { method: "string", wire: 2, initial: '""', isDefault: (v) => `${v} === ""` },
  TYPE_BOOL: { method: "bool", wire: 0, initial: "false", isDefault: (v) => `${v} === false` },
  TYPE_UINT32: { method: "uint32", wire: 0, initial: "0", isDefault: (v) => `${v} === 0` },
  TYPE_UINT64: { method: "uint64", wire: 0, initial: "0", isDefault: (v) => `${v} === 0` },
  TYPE_SINT64: { method: "sint64", wire: 0, initial: "0", isDefault: (v) => `${v} === 0` },
  TYPE_ENUM: { method: "int32", wire: 0, initial: "0", isDefault: (v) => `${v} === 0` },
};

/**
 * The properties of a message's TypeScript type, in order of field number: a field, or a oneof with all
 * its fields where its first one stands.
 */
export function memberOrder(message) {
  const members = [];
  const oneofs = new Map();
  for (const descriptor of message.field ?? []) {
    const field = checkedField(message, descriptor);
    if (descriptor.oneofIndex === undefined || descriptor.proto3Optional === true) {
      members.push({ kind: "field", name: field.name, initial: initialOf(field), field });
      continue;
    }
    let oneof = oneofs.get(descriptor.oneofIndex);
    if (oneof === undefined) {
      const { name } = message.oneofDecl[descriptor.oneofIndex];
      oneof = { kind: "oneof", name: camel(name), initial: "undefined", fields: [] };
      oneofs.set(descriptor.oneofIndex, oneof);
      members.push(oneof);
    }
    oneof.fields.push(field);
  }
  return members;
}

export function fieldWriter(member) {
  if (member.kind === "oneof") return oneofWriter(member);
  const { field } = member;
  const value = `$m.${field.name}`;
  if (field.repeated) {
    return [
      `if (${value} != null) {`,
      `  checkCount(${value});`,
      `  for (const $element of ${value}) ${block(writeCall(field, "$element"))}`,
      "}",
    ];
  }
  if (field.optional || field.message !== undefined) {
    return [`if (${value} != null) ${block(writeCall(field, value))}`];
  }
  const given = `${value} != null && !(${field.scalar.isDefault(value)})`;
  return [`if (${given}) ${writeCall(field, value)}`];
}

function oneofWriter({ name, fields }) {
  return [
    `switch ($m.${name}?.$case) {`,
    ...fields.flatMap((field) => [
      `  case "${field.name}":`,
      `    if ($m.${name}.value != null) ${block(writeCall(field, `$m.${name}.value`))}`,
      "    break;",
    ]),
    "}",
  ];
}

export function fieldReader(member) {
  const fields = member.kind === "oneof" ? member.fields : [member.field];
  return fields.flatMap((field) => [
    `case ${field.tag}:`,
    `  ${assignment(member, field)}`,
    "  break;",
  ]);
}

/** A property of the complete message, from a partial one. */
export function fieldCompleter(member) {
  const value = `$m.${member.name}`;
  if (member.kind === "oneof") {
    return [
      `${member.name}: (() => {`,
      `  switch (${value}?.$case) {`,
      ...member.fields.flatMap((field) => [
        `    case "${field.name}":`,
        `      return ${value}.value == null ? undefined : { $case: "${field.name}" as const, value: ${completed(field, `${value}.value`)} };`,
      ]),
      "    default:",
      "      return undefined;",
      "  }",
      "})(),",
    ];
  }
  const { field } = member;
  if (field.repeated) return [`${member.name}: ${value}?.map(complete${field.message}) ?? [],`];
  if (field.message !== undefined) {
    return [`${member.name}: ${value} == null ? undefined : ${completed(field, value)},`];
  }
  return [`${member.name}: ${value} ?? ${member.initial},`];
}

function completed(field, value) {
  return field.message === undefined ? value : `complete${field.message}(${value})`;
}

function assignment(member, field) {
  const value =
    field.message === undefined
      ? `$r.${field.scalar.method}()${field.isEnum ? ` as never` : ""}`
      : `read${field.message}($r, $r.nestedEnd())`;
  if (field.repeated) return `append(${member.name}, ${value});`;
  if (member.kind === "oneof")
    return `${member.name} = { $case: "${field.name}", value: ${value} };`;
  return `${member.name} = ${value};`;
}

function writeCall(field, value) {
  if (field.message === undefined) return `$w.${field.scalar.method}(${field.tag}, ${value});`;
  return `const $start = $w.open(${field.tag}); write${field.message}($w, ${value}); $w.close($start);`;
}

function checkedField(message, descriptor) {
  const where = `${message.name}.${descriptor.name}`;
  const repeated = descriptor.label === "LABEL_REPEATED";
  const field = {
    name: camel(descriptor.name),
    repeated,
    optional: descriptor.proto3Optional === true,
    isEnum: descriptor.type === "TYPE_ENUM",
  };
  if (descriptor.type === "TYPE_MESSAGE") {
    if (!descriptor.typeName.startsWith(".titan.v1."))
      throw new Error(`${where}: imported message`);
    return {
      ...field,
      message: descriptor.typeName.split(".").at(-1),
      tag: (descriptor.number << 3) | 2,
    };
  }
  const scalar = SCALARS[descriptor.type];
  if (scalar === undefined) throw new Error(`${where}: ${descriptor.type} is not supported`);
  if (repeated) throw new Error(`${where}: repeated scalars are not supported`);
  return { ...field, scalar, tag: (descriptor.number << 3) | scalar.wire };
}

function initialOf(field) {
  if (field.repeated) return "[]";
  return field.optional || field.message !== undefined ? "undefined" : field.scalar.initial;
}

const block = (statements) => `{ ${statements} }`;
const camel = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
