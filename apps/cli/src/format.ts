/** Sizes and counts for people. */

const SIZE_UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** `512 bytes`, `1.5 KiB`, `64 MiB`. */
export function formatSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < SIZE_UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  const shown = unit === 0 || Number.isInteger(size) ? size.toFixed(0) : size.toFixed(1);
  return `${shown} ${SIZE_UNITS[unit] ?? ""}`;
}

/** `1,234,567`, whatever the locale. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}
