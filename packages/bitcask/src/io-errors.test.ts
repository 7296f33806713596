import { expect, test } from "vitest";
import { BitcaskError } from "./errors.js";
import { isShortage, toBitcaskError } from "./io-errors.js";

const failing = (code: string) => Object.assign(new Error("it failed"), { code });

test("codes of the operating system become codes of the store, the original is kept", () => {
  const context = { action: "read", file: "f", otherwise: "BITCASK_READ_FAILED" } as const;
  for (const [posix, code] of [
    ["ENOSPC", "BITCASK_DISK_FULL"],
    ["EDQUOT", "BITCASK_DISK_FULL"],
    ["EMFILE", "BITCASK_TOO_MANY_FILES"],
    ["EROFS", "BITCASK_ACCESS_DENIED"],
    ["EACCES", "BITCASK_ACCESS_DENIED"],
    ["EIO", "BITCASK_READ_FAILED"],
  ] as const) {
    const cause = failing(posix);
    expect(toBitcaskError(cause, context)).toMatchObject({ code, cause, file: "f" });
  }
  const own = new BitcaskError({ code: "BITCASK_CORRUPT", message: "m" });
  expect(toBitcaskError(own, context)).toBe(own);
});

test("shortages are what can pass by itself", () => {
  expect(["ENOSPC", "EDQUOT", "EMFILE", "ENFILE"].every((code) => isShortage(failing(code)))).toBe(
    true,
  );
  expect([failing("EIO"), new Error("no code"), "text"].some(isShortage)).toBe(false);
});
