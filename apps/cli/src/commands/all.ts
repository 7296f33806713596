/** Every command, in the order in which help lists them. */
import { registerBatch } from "./batch.js";
import { registerBench } from "./bench.js";
import { registerCas } from "./cas.js";
import {
  registerBalancer,
  registerLeave,
  registerMembers,
  registerShards,
  registerTransfer,
} from "./cluster.js";
import type { Register } from "./command.js";
import { registerDelete } from "./delete.js";
import { registerDoctor } from "./doctor.js";
import { registerGet } from "./get.js";
import { registerIncrement } from "./increment.js";
import { registerKeyspace, registerKeyspaces } from "./keyspaces.js";
import { registerPut } from "./put.js";
import { registerScan } from "./scan.js";
import { registerStatus } from "./status.js";
import { registerTxn } from "./txn.js";
import { registerWatch } from "./watch.js";

export const COMMANDS: readonly Register[] = Object.freeze([
  registerPut,
  registerGet,
  registerDelete,
  registerScan,
  registerWatch,
  registerBatch,
  registerCas,
  registerIncrement,
  registerTxn,
  registerStatus,
  registerDoctor,
  registerBench,
  registerMembers,
  registerShards,
  registerLeave,
  registerTransfer,
  registerBalancer,
  registerKeyspaces,
  registerKeyspace,
]);
