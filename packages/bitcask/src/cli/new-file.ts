/** A file that appears whole: written under another name, synced, then linked to its own. */
import { link, open, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** @throws Error when there is such a file; it stays as it was */
export async function writeNewFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const aside = `${path}.${process.pid}.partial`;
  const file = await open(aside, "wx");
  try {
    try {
      for await (const chunk of chunks) await file.writeFile(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(aside, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
      throw new Error(`${path} is there already and was left as it is`, { cause: error });
    });
  } finally {
    await rm(aside, { force: true });
  }
  await syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
