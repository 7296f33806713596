/** Opening as Level's `createIfMissing` and `errorIfExists` want it. */
import { Bitcask } from "../bitcask.js";
import { isBitcaskError } from "../errors.js";
import { BitcaskLevelError, toLevelError } from "./level-error.js";
import type { OpenRequest } from "./level-options.js";

/** @throws BitcaskLevelError; TypeError, RangeError for options that the store does not take */
export async function openLevelStore(location: string, request: OpenRequest): Promise<Bitcask> {
  try {
    if (request.errorIfExists) await assertMissing(location, request);
    const { createIfMissing } = request;
    return await Bitcask.open(location, { ...request.store, createIfMissing });
  } catch (error) {
    if (isBitcaskError(error) && error.code === "BITCASK_NOT_FOUND") {
      throw new BitcaskLevelError({
        code: "LEVEL_DATABASE_MISSING",
        message: `the database does not exist: ${location}`,
        cause: error,
      });
    }
    throw toLevelError(error);
  }
}

async function assertMissing(location: string, { store }: OpenRequest): Promise<void> {
  let existing: Bitcask;
  try {
    existing = await Bitcask.open(location, { ...store, createIfMissing: false });
  } catch (error) {
    if (isBitcaskError(error) && error.code === "BITCASK_NOT_FOUND") return;
    throw error;
  }
  await existing.close();
  throw new BitcaskLevelError({
    code: "LEVEL_DATABASE_EXISTS",
    message: `the database already exists: ${location}`,
  });
}
