/** Measures one thing and prints its figures: `worker.js <phase> <argument>`. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PHASES, type PhaseName } from "./phases.js";

const [name = "", argument = "0"] = process.argv.slice(2);
const phase = PHASES[name as PhaseName];
const directory = await mkdtemp(join(tmpdir(), "titan-raft-core-"));
console.log(JSON.stringify(await phase(directory, Number(argument))));
process.exit(0);
