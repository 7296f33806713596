/** Every command, in the order in which help lists them. */
import { registerBatch } from "./batch.js";
import { registerBench } from "./bench.js";
import { registerCas } from "./cas.js";
import {
  registerBalancer,
  registerJoin,
  registerLeave,
  registerMembers,
  registerShards,
  registerTransfer,
} from "./cluster.js";
import type { Register } from "./command.js";
import { registerCompletion } from "./completion.js";
import { registerDelete } from "./delete.js";
import { registerDoctor } from "./doctor.js";
import { registerExport } from "./export.js";
import { registerGet } from "./get.js";
import { registerImport } from "./import.js";
import { registerIncrement } from "./increment.js";
import { registerKeyspace, registerKeyspaces } from "./keyspaces.js";
import { registerLock } from "./lock.js";
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
  registerExport,
  registerImport,
  registerCas,
  registerIncrement,
  registerTxn,
  registerLock,
  registerStatus,
  registerDoctor,
  registerBench,
  registerMembers,
  registerShards,
  registerJoin,
  registerLeave,
  registerTransfer,
  registerBalancer,
  registerKeyspaces,
  registerKeyspace,
  registerCompletion,
]);
