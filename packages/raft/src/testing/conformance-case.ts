/** What the conformance suites are made of. They assert with `node:assert`, and so run under any runner. */

import assert from "node:assert/strict";
import type { FileHandle, FileSystem } from "../wal/ports.js";

/** Registers a test with a runner, such as vitest's or `node:test`'s `test`. */
export type RegisterTest = (title: string, body: () => Promise<void>) => unknown;

/** One requirement; gets a fresh file system with an empty directory. */
export interface FileSystemCase {
  readonly title: string;
  readonly body: (fileSystem: FileSystem, root: string) => Promise<void>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Creates a file that holds `text`. */
export async function writeText(fileSystem: FileSystem, path: string, text: string): Promise<void> {
  const handle = await fileSystem.open(path, "create-exclusive");
  await handle.write(bytesOf(text), 0);
  await handle.close();
}

/** The text of a file. */
export async function readText(fileSystem: FileSystem, path: string): Promise<string> {
  const handle = await fileSystem.open(path, "read");
  const text = await textOf(handle);
  await handle.close();
  return text;
}

/** All that an open file holds. */
export async function textOf(handle: FileHandle): Promise<string> {
  const bytes = new Uint8Array(await handle.size());
  assert.equal(await handle.read(bytes, 0), bytes.length);
  return decoder.decode(bytes);
}

/** Asserts that a call fails with a POSIX code. */
export async function assertCode(
  code: string | RegExp,
  call: () => Promise<unknown>,
): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof Error, "a failure is an Error");
    const found = "code" in error ? String(error.code) : "none";
    if (typeof code === "string") assert.equal(found, code);
    else assert.match(found, code);
    return true;
  });
}
