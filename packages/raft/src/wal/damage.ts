/** What is reported of a log that is not what was written. */

/** Entries of one group that cannot be read back, `[first, last]`. */
export interface LostEntries {
  readonly group: number;
  readonly first: number;
  readonly last: number;
}

/** One damaged place. */
export interface DamagedRegion {
  /** Number of the segment file. */
  readonly segment: number;
  /** First bad byte, from the start of the file. */
  readonly offset: number;
  /** Bytes up to where the log can be read again, or to the end of the file. */
  readonly bytes: number;
  readonly reason: string;
  /** Groups whose records are recognisable there, by the records' own checksummed headers. */
  readonly groups: readonly number[];
}

/** All that is wrong with a log. */
export interface DamageReport {
  readonly regions: readonly DamagedRegion[];
  /** By group, then index. Complete for groups that `regions` name and for gaps that remain. */
  readonly lost: readonly LostEntries[];
}

/** The report in a few lines, for messages and terminals. */
export function describeDamage(report: DamageReport): string {
  const places = report.regions
    .slice(0, MAX_LISTED)
    .map(
      ({ segment, offset, bytes, reason, groups }) =>
        `segment ${segment} at ${offset} (${bytes} bytes): ${reason}` +
        (groups.length > 0 ? `, groups ${groups.slice(0, MAX_LISTED).join(" ")}` : ""),
    );
  const lost = report.lost
    .slice(0, MAX_LISTED)
    .map(({ group, first, last }) => `group ${group} entries ${first} to ${last}`);
  const hidden = Math.max(0, report.regions.length - MAX_LISTED);
  const more = hidden > 0 ? [`${hidden} more places`] : [];
  return [...places, ...more, ...(lost.length > 0 ? [`lost: ${lost.join(", ")}`] : [])].join("; ");
}

/** Places and ranges that a message spells out; the report itself holds all. */
const MAX_LISTED = 16;
