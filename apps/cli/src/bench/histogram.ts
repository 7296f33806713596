/**
 * Counts latencies in log-linear buckets, as HdrHistogram does (http://hdrhistogram.org): each
 * power of two is cut into 128 buckets of the same width, so that a bucket is never wider than
 * 1/128 of what is in it.
 *
 *     0 … 255      one bucket for each microsecond
 *     256 … 511    128 buckets of 2 µs
 *     512 … 1023   128 buckets of 4 µs, and so on
 *
 * A quantile is the upper end of its bucket, and at most the largest value: it is never below the
 * exact one, and above it by less than 1/128 (0.8 %) of it; up to 255 µs, and for the largest
 * value, it is exact. Counting takes constant time, and all of it 34 KiB however many values there
 * are. Values beyond 2^40 µs (12 days) are counted as that.
 */
const BUCKETS_PER_OCTAVE = 128;
const LINEAR_BELOW = 2 * BUCKETS_PER_OCTAVE;
const MAX_US = 2 ** 40;
const BUCKET_COUNT = bucketOf(MAX_US) + 1;

export class Histogram {
  private readonly counts = new Float64Array(BUCKET_COUNT);
  // Invariant: the sum of `counts`.
  private total = 0;
  private largestUs = 0;

  /** Counts a value of 0 or more milliseconds, to the microsecond. */
  record(ms: number): void {
    const us = Math.min(MAX_US, Math.max(0, Math.round(ms * 1_000)));
    const bucket = bucketOf(us);
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.total += 1;
    this.largestUs = Math.max(this.largestUs, us);
  }

  get count(): number {
    return this.total;
  }

  /** The largest value in milliseconds; 0 when there is none. */
  get maxMs(): number {
    return this.largestUs / 1_000;
  }

  /**
   * The smallest value in milliseconds that is not exceeded by a share `quantile` of all values,
   * within the bound above; 0 when there is none.
   * @param quantile in (0, 1]
   */
  quantileMs(quantile: number): number {
    let left = Math.max(1, Math.ceil(this.total * quantile));
    for (const [bucket, count] of this.counts.entries()) {
      left -= count;
      if (left <= 0) return Math.min(highestOf(bucket), this.largestUs) / 1_000;
    }
    return 0;
  }
}

function bucketOf(us: number): number {
  if (us < LINEAR_BELOW) return us;
  // Not with bit operations: those have 32 bits.
  const exponent = octaveOf(us) - Math.log2(BUCKETS_PER_OCTAVE);
  return exponent * BUCKETS_PER_OCTAVE + Math.floor(us / 2 ** exponent);
}

/** The exponent of the largest power of two that is at most `us`, which is from 1 to 2^51. */
function octaveOf(us: number): number {
  return us < 2 ** 31 ? 31 - Math.clz32(us) : 51 - Math.clz32(Math.floor(us / 2 ** 20));
}

/** The largest value of a bucket. */
function highestOf(bucket: number): number {
  if (bucket < LINEAR_BELOW) return bucket;
  const exponent = Math.floor(bucket / BUCKETS_PER_OCTAVE) - 1;
  return (bucket - exponent * BUCKETS_PER_OCTAVE + 1) * 2 ** exponent - 1;
}
