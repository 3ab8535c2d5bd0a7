/** Medians, spreads, and numbers as people read them. */

/** @param {readonly number[]} values @param {number} q in [0, 1], linear between neighbours */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  return sorted[low] + (sorted[Math.ceil(at)] - sorted[low]) * (at - low);
}

export const median = (/** @type {readonly number[]} */ values) => quantile(values, 0.5);

/** Three significant digits, without an exponent. @param {number} value */
export function digits(value) {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(places, 6));
}

/**
 * One contestant's figures from its rounds. Where there is a reference, the ratio is the median of the
 * rounds' own ratios: both were measured within the same second or two, so a slow spell hits both.
 * @param {number[][]} rounds milliseconds of every run, by round
 * @param {number[][]} [reference]
 */
export function summarize(rounds, reference) {
  const all = rounds.flat();
  const figures = { median: median(all), low: quantile(all, 0.25), high: quantile(all, 0.75), runs: all.length };
  if (!reference) return figures;
  return { ...figures, ratio: median(rounds.map((round, r) => median(round) / median(reference[r]))) };
}
