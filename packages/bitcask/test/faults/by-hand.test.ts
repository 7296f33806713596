/**
 * Files of a closed store are removed, renamed, swapped, cut, made longer, or replaced by another's, one
 * harm at a time. Opening refuses and names the file, or shows everything; it never shows something else.
 */
import { expect, test } from "vitest";
import { verify } from "../../src/index.js";
import { IMAGE_NAME } from "../../src/index-image.js";
import { type MemoryDisk, MemoryFileSystem } from "../../src/testing/index.js";
import { FORM_NAMES, type FormName } from "../crash/forms.js";
import { DIRECTORY, Machine } from "../crash/machine.js";
import { closedStore, type Outcome, outcomeOf, smallFiles } from "./closed-store.js";

type Harm = (fileSystem: MemoryFileSystem) => Promise<void>;

const at = (name: string): string => `${DIRECTORY}/${name}`;

async function write(fileSystem: MemoryFileSystem, name: string, bytes: Uint8Array): Promise<void> {
  if ((await fileSystem.stat(at(name))) !== undefined) await fileSystem.unlink(at(name));
  const handle = await fileSystem.open(at(name), "create-exclusive");
  await handle.write(bytes, 0);
  await handle.sync();
  await handle.close();
}

/** Everything that a person can do to one file, or to two. */
function harmsOf(names: readonly string[], others: MemoryFileSystem): Map<string, Harm> {
  const harms = new Map<string, Harm>();
  for (const name of names) {
    const contents = (fileSystem: MemoryFileSystem) => fileSystem.contents(at(name));
    const rewrite =
      (change: (bytes: Uint8Array) => Uint8Array): Harm =>
      (fileSystem) =>
        write(fileSystem, name, change(contents(fileSystem)));
    harms.set(`${name} is removed`, (fileSystem) => fileSystem.unlink(at(name)));
    harms.set(`${name} is renamed`, (fileSystem) => fileSystem.rename(at(name), at(`${name}.bak`)));
    harms.set(
      `${name} is cut by a byte`,
      rewrite((bytes) => bytes.subarray(0, -1)),
    );
    harms.set(
      `${name} is cut by half`,
      rewrite((bytes) => bytes.subarray(0, bytes.length >> 1)),
    );
    harms.set(
      `${name} is empty`,
      rewrite(() => new Uint8Array(0)),
    );
    harms.set(
      `${name} has a byte more`,
      rewrite((bytes) => Uint8Array.from([...bytes, 0])),
    );
    harms.set(
      `${name} is all zeros`,
      rewrite((bytes) => new Uint8Array(bytes.length)),
    );
    if (others.paths().includes(at(name))) {
      harms.set(`${name} is that of another store`, (fileSystem) =>
        write(fileSystem, name, others.contents(at(name))),
      );
    }
    for (const other of names.filter((candidate) => candidate !== name)) {
      harms.set(`${name} is put in the place of ${other}`, (fileSystem) =>
        fileSystem.rename(at(name), at(other)),
      );
      harms.set(`${name} is copied over ${other}`, (fileSystem) =>
        write(fileSystem, other, contents(fileSystem)),
      );
      if (name > other) continue;
      harms.set(`${name} and ${other} are swapped`, async (fileSystem) => {
        await fileSystem.rename(at(name), at("aside"));
        await fileSystem.rename(at(other), at(name));
        await fileSystem.rename(at("aside"), at(other));
      });
    }
  }
  return harms;
}

function namesOf(disk: MemoryDisk): string[] {
  return disk.paths().map((path) => path.slice(DIRECTORY.length + 1));
}

const FORMS_TRIED: readonly FormName[] =
  process.env["TITAN_THOROUGH"] === "1" ? FORM_NAMES : ["plain"];

test.each(FORMS_TRIED)(
  "whatever is done to a file of a %s store, nothing wrong is shown",
  async (form) => {
    const options = smallFiles(form);
    const { disk, state } = await closedStore(options);
    // A machine whose disk knows of the first process draws other numbers, also for the store's id.
    const note = new MemoryFileSystem();
    await note.makeDirectory(DIRECTORY);
    await write(note, "note", Buffer.from("process-1;"));
    const stranger = new Machine({ options, disk: note.snapshot() });
    const other = await stranger.open();
    for (let index = 0; index < 40; index += 1) await other.put(`a${index}`, "x".repeat(30));
    await other.close();
    expect(namesOf(disk)).toContain(IMAGE_NAME);
    const harms = harmsOf(namesOf(disk), stranger.fileSystem);
    expect(harms.size).toBeGreaterThan(50);
    const counts = new Map<Outcome, number>();
    for (const [what, harm] of harms) {
      const harmed = disk.clone();
      await harm(new MemoryFileSystem({}, harmed));
      const report = await verify(DIRECTORY, {
        encryption: options.encryption,
        ports: { fileSystem: new MemoryFileSystem({}, harmed.clone()) },
      }).catch((error: unknown) => {
        throw new Error(`verify after ${what}`, { cause: error });
      });
      const outcome = await outcomeOf(harmed, state, options).catch((error: unknown) => {
        throw new Error(`after ${what}: ${String(error)}`, { cause: error });
      });
      if (outcome !== "harmless") expect(report.ok, `verify after ${what}`).toBe(false);
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    }
    const figures = [...counts].map(([outcome, count]) => `${outcome} ${count}`);
    process.stdout.write(`by hand, ${form}: ${figures.join(", ")}\n`);
    expect(counts.get("refused on open") ?? 0).toBeGreaterThan(10);
  },
  60_000,
);
