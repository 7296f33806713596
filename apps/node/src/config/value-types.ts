/** Kinds of settings: each takes text (flags, environment) or JSON values (file) and gives one type. */
import { z } from "zod";

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};
const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

function withUnit(units: Readonly<Record<string, number>>, text: string): number {
  const match = /^([0-9]+) ?([A-Za-z]*)$/.exec(text);
  const factor = match?.[2] === undefined ? undefined : units[match[2]];
  return factor === undefined ? Number.NaN : Number(match?.[1]) * factor;
}

/** Whole numbers in `[min, max]`. */
export function wholeNumber(min: number, max: number) {
  const problem = `expected a whole number from ${min} to ${max}`;
  return z
    .union([z.number(), z.string().transform((text) => withUnit({ "": 1 }, text))], problem)
    .refine((value) => Number.isSafeInteger(value) && value >= min && value <= max, problem);
}

/** Bytes in `[min, max]`, as a number or with a unit: `"64KiB"`. */
export function byteSize(min: number, max: number) {
  const problem = `expected ${min} to ${max} bytes, for example "64KiB" or "1MiB"`;
  return z
    .union([z.number(), z.string().transform((text) => withUnit(SIZE_UNITS, text))], problem)
    .refine((value) => Number.isSafeInteger(value) && value >= min && value <= max, problem);
}

/** Milliseconds in `[min, max]`; text needs a unit: `"250ms"`, `"10s"`. */
export function duration(min: number, max: number) {
  const problem = `expected ${min} to ${max} milliseconds, for example "250ms" or "10s"`;
  return z
    .union([z.number(), z.string().transform((text) => withUnit(DURATION_UNITS, text))], problem)
    .refine((value) => Number.isSafeInteger(value) && value >= min && value <= max, problem);
}

/** One of some words. */
export function choice<const Words extends readonly [string, ...string[]]>(...words: Words) {
  return z.enum(words, `expected one of ${words.join(", ")}`);
}

/** `HOST:PORT`; an IPv6 host in brackets; port 0 lets the system choose. */
export function hostPort() {
  const problem = 'expected HOST:PORT, for example "127.0.0.1:7420" or "[::1]:7420"';
  return z.string(problem).refine((text) => {
    const match = /^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):([0-9]{1,5})$/.exec(text);
    return match !== null && Number(match[2]) <= 65_535;
  }, problem);
}

/** Numbers in `[min, max]`. */
export function number(min: number, max: number) {
  const problem = `expected a number from ${min} to ${max}`;
  const toNumber = (text: string): number =>
    /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : Number.NaN;
  return z
    .union([z.number(), z.string().transform(toNumber)], problem)
    .refine((value) => value >= min && value <= max, problem);
}

/** On or off. */
export function yesOrNo() {
  const problem = "expected true or false";
  return z.union(
    [z.boolean(), z.enum(["true", "false", "1", "0"]).transform((word) => /^(true|1)$/.test(word))],
    problem,
  );
}

/** Addresses to dial, separated by commas, or a list of them. */
export function addressList() {
  const address = hostPort().refine((text) => !text.endsWith(":0"), "port 0 cannot be dialled");
  return z
    .union([z.array(z.string()), z.string().transform(splitList)], "expected HOST:PORT,...")
    .pipe(z.array(address).max(64));
}

/** Parts between commas. */
export function splitList(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** What nodes fail together with. */
export function zoneName() {
  const problem = "expected at most 63 of a-z, A-Z, 0-9, '.', '_', '-', '/'";
  return z.string(problem).regex(/^[A-Za-z0-9._/-]{0,63}$/, problem);
}

/** A path: any text but none at all. */
export function path() {
  return z.string("expected a path").min(1, "expected a path");
}

/** What may name a node. */
export function nodeId() {
  const problem = "expected 1 to 63 of a-z, 0-9, '.', '_', '-'";
  return z.string(problem).regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, problem);
}
