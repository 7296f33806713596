/**
 * Rare things that a batch of runs must have seen: a simulator whose runs never install a snapshot proves
 * nothing about snapshots.
 */

export const SITES = [
  "leader-elected",
  "candidate-deposed",
  "conflict-truncated",
  "snapshot-taken",
  "snapshot-installed",
  "snapshot-stream-cut",
  "snapshot-resumed",
  "joint-config",
  "learner-promoted",
  "leader-removed",
  "member-replaced",
  "group-reopened",
  "group-removed",
  "bit-flipped",
  "bit-flip-found",
  "transfer-completed",
  "lease-held",
  "lease-lost",
  "quiesced",
  "read-answered",
  "read-retried",
  "read-refused",
  "session-opened",
  "session-retried",
  "session-answered-again",
  "proposal-superseded",
  "proposal-unknown",
  "proposal-refused",
  "frame-lost",
  "frame-repeated",
  "frame-overtaken",
  "one-way-cut",
  "power-cut-lost-something",
  "torn-tail-cut",
  "wal-segment-collected",
  "wal-segment-made",
  "log-poisoned",
  "log-short-of-space",
  "disk-stalled",
  "process-stalled",
  "clock-jumped",
  "all-crashed",
  "state-behind-log",
] as const;

export type Site = (typeof SITES)[number];

/** How often each site was hit. */
export type Coverage = Readonly<Record<Site, number>>;

export class CoverageCounter {
  readonly #counts = new Map<Site, number>();

  hit(site: Site): void {
    this.#counts.set(site, (this.#counts.get(site) ?? 0) + 1);
  }

  get(): Coverage {
    return Object.fromEntries(SITES.map((site) => [site, this.#counts.get(site) ?? 0])) as Record<
      Site,
      number
    >;
  }
}

/** Adds the counts of many runs. */
export function addCoverage(total: Coverage | undefined, more: Coverage): Coverage {
  if (total === undefined) return more;
  return Object.fromEntries(SITES.map((site) => [site, total[site] + more[site]])) as Record<
    Site,
    number
  >;
}

/** Sites that were never hit. */
export function missedSites(coverage: Coverage): readonly Site[] {
  return SITES.filter((site) => coverage[site] === 0);
}
