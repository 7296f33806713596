/** Where a replica of a node that does not run keeps its data. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";

export async function firstStoreOf(dataDir: string, shard: number): Promise<string> {
  const directory = join(dataDir, "shards", String(shard));
  const name = (await readdir(directory)).find((one) => one.startsWith("store-"));
  if (name === undefined) throw new Error(`${directory} holds no store`);
  return join(directory, name);
}
