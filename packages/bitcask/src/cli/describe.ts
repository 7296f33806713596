/** Results in words, for people. With `--json` none of this is used. */
import type { Damage, LostRecord } from "../care/damage.js";
import type { RepairReport } from "../care/repair.js";
import type { VerifyReport } from "../care/verify.js";
import type { BitcaskStats } from "../stats.js";
import { toJsonBytes } from "./ndjson.js";

/** Damages and keys told to people; `--json` has them all. */
const MAX_TOLD = 20;

export function describeStats(stats: BitcaskStats): string {
  const { keys, liveBytes, deadBytes, files, open } = stats;
  const lines = [
    `keys        ${keys}`,
    `live bytes  ${liveBytes}`,
    `dead bytes  ${deadBytes}`,
    `files       ${files.length}`,
    ...files.map(({ id, bytes, deadBytes, isActive, encryptionKeyId }) => {
      const key = encryptionKeyId === undefined ? "" : `, encrypted with key ${encryptionKeyId}`;
      return `  ${id}: ${bytes} bytes, ${deadBytes} dead${key}${isActive ? ", takes writes" : ""}`;
    }),
    ...open.ignoredHints.map(({ file, reason }) => `unusable hint ${file}: ${reason}`),
  ];
  return `${lines.join("\n")}\n`;
}

export function describeVerification(report: VerifyReport): string {
  const { files, records, hints, damages, moreDamages, tornTail } = report;
  const lines = [`${files.length} files, ${records} sound records, ${hints} sound hints`];
  if (tornTail !== undefined) {
    lines.push(
      `${tornTail.file}: an unfinished end of ${tornTail.bytes} bytes, never acknowledged`,
    );
  }
  lines.push(...damages.slice(0, MAX_TOLD).flatMap(describeDamage));
  const more = damages.length + moreDamages - Math.min(damages.length, MAX_TOLD);
  if (more > 0) lines.push(`and ${more} more`);
  lines.push(report.ok ? "nothing is damaged" : `${damages.length + moreDamages} damages`);
  return `${lines.join("\n")}\n`;
}

function describeDamage({ file, offset, bytes, what, lost }: Damage): string[] {
  const where = bytes > 0 ? ` at ${offset}, ${bytes} bytes` : "";
  return [`damaged: ${file}${where}: ${what}`, ...lost.map(describeLost)];
}

function describeLost({ key, isDeletion, source }: LostRecord): string {
  const probably = source === "record" ? "probably " : "";
  return `  ${probably}${isDeletion ? "the deletion" : "a value"} of ${JSON.stringify(toJsonBytes(key))}`;
}

export function describeRepair(report: RepairReport): string {
  const { found, isChanged, recordsSalvaged, asideDirectory, movedAside, warnings } = report;
  const lines = [describeVerification(found).trimEnd()];
  if (isChanged) {
    lines.push(
      `repaired: ${recordsSalvaged} records copied out of damaged files; ` +
        `${movedAside.length} files moved to ${asideDirectory}`,
    );
  } else {
    lines.push("nothing was changed");
  }
  lines.push(...warnings.map((warning) => `warning: ${warning}`));
  return `${lines.join("\n")}\n`;
}

/** Results as one line of JSON; keys as strings, or `{ base64 }`. */
export function toJson(result: unknown): string {
  const text = JSON.stringify(result, (_, value: unknown) => {
    return value instanceof Uint8Array ? toJsonBytes(value) : value;
  });
  return `${text}\n`;
}
