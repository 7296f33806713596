/** Durations as people write them: `500ms`, `5s`, `1.5m`, `2h`, `7d`. */
import { UsageError } from "./usage-error.js";

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * Whole milliseconds in `text`; at least 1, at most `maxMs`. `name` is the option's, for messages. A bare
 * number is refused: other tools mean seconds by it, Titan's APIs milliseconds.
 */
export function parseDuration(text: string, name: string, maxMs = Number.MAX_SAFE_INTEGER): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (match === null) {
    throw new UsageError(`${name} takes a time with its unit, such as 500ms, 5s, 2m, 1h or 7d`);
  }
  const ms = Math.round(Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]);
  if (ms < 1) throw new UsageError(`${name} must be at least 1ms`);
  if (ms > maxMs) throw new UsageError(`${name} must be at most ${maxMs}ms`);
  return ms;
}

/** The two largest units of a duration: `3d 4h`, `5m 2s`, `850ms`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`;
  const parts = [
    [Math.floor(ms / UNIT_MS.d), "d"],
    [Math.floor(ms / UNIT_MS.h) % 24, "h"],
    [Math.floor(ms / UNIT_MS.m) % 60, "m"],
    [Math.floor(ms / UNIT_MS.s) % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count}${unit}`).join(" ");
}
