/**
 * Jobs that a full index holds back: those with entries, and whatever else their groups want written after
 * them. Everything of other groups goes on, and so does what cuts a log, as only that makes room.
 *
 * Invariant: the jobs of one group stay in their order, but for those that only cut its log. What these keep
 * and forget is applied, so no job that they overtake is about it.
 */

import type { GroupUpdate } from "../wal/group-update.js";
import type { WriteJob } from "./log-writer.js";

export class HeldJobs {
  #jobs: WriteJob[] = [];
  readonly #groups = new Set<number>();
  #isClosed = false;

  /** Whether jobs with entries are held back for now. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The index is full. Takes from `jobs` what has to wait. @returns the others, in their order */
  close(jobs: readonly WriteJob[]): WriteJob[] {
    this.#isClosed = true;
    return jobs.filter((job) => !this.takes(job));
  }

  /** Keeps `job` if it has to wait. */
  takes(job: WriteJob): boolean {
    const { update } = job;
    const mustWait = hasEntries(update) || this.#groups.has(update.group);
    if (!this.#isClosed || !mustWait || onlyCuts(update)) return false;
    this.#groups.add(update.group);
    this.#jobs.push(job);
    return true;
  }

  /** There may be room again. @returns all jobs, to be written before any that come later */
  open(): readonly WriteJob[] {
    const jobs = this.#jobs;
    this.#jobs = [];
    this.#groups.clear();
    this.#isClosed = false;
    return jobs;
  }

  /** Forgets what a group wants written. */
  drop(group: number): void {
    if (!this.#groups.delete(group)) return;
    this.#jobs = this.#jobs.filter(({ update }) => update.group !== group);
  }
}

export function hasEntries(update: GroupUpdate): boolean {
  return "entries" in update && (update.entries?.length ?? 0) > 0;
}

/** It is about nothing but entries that are no longer needed. */
function onlyCuts(update: GroupUpdate): boolean {
  if ("remove" in update) return false;
  const { hardState, installSnapshot, config } = update;
  const isAboutState = (hardState ?? installSnapshot ?? config) !== undefined;
  return !isAboutState && !hasEntries(update);
}

/** Whether a log is shorter for it. */
export function cuts(update: GroupUpdate): boolean {
  if ("remove" in update) return true;
  return update.compactTo !== undefined || update.installSnapshot !== undefined;
}
