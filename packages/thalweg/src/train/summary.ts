/** An array of numbers in a few: where they lie, how they are spread. */
import type { TypedArray } from "../dtype.js";

export interface Summary {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Standard deviation of all finite elements. */
  readonly std: number;
  /** Below which 5, 25, 50, 75 and 95 % of the elements lie. */
  readonly quantiles: readonly [number, number, number, number, number];
  /** The share of elements that are exactly 0. */
  readonly zeros: number;
  /** How many elements are NaN or infinite; the other figures leave them out. */
  readonly notFinite: number;
  /** Elements by size: `edges` has one entry more than `counts`. */
  readonly histogram: { readonly edges: readonly number[]; readonly counts: readonly number[] };
}

/** Quantiles are taken from at most this many elements, evenly spread. */
const SAMPLE = 2000;
const BINS = 30;

/** Summarises an array; all figures are NaN if no element is finite. */
export function summarize(values: TypedArray): Summary {
  let [min, max, sum, zeros, notFinite] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const x = values[i]!;
    if (!Number.isFinite(x)) {
      notFinite++;
      continue;
    }
    if (x < min) min = x;
    if (x > max) max = x;
    if (x === 0) zeros++;
    sum += x;
  }
  const finite = values.length - notFinite;
  if (finite === 0) {
    const none = Number.NaN;
    const histogram = { edges: [0, 1], counts: [0] };
    return {
      min: none,
      max: none,
      mean: none,
      std: none,
      quantiles: [none, none, none, none, none],
      zeros: 0,
      notFinite,
      histogram,
    };
  }
  const mean = sum / finite;
  const counts = new Array<number>(BINS).fill(0);
  const scale = max > min ? BINS / (max - min) : 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const x = values[i]!;
    if (!Number.isFinite(x)) continue;
    squares += (x - mean) ** 2;
    counts[Math.min(Math.floor((x - min) * scale), BINS - 1)]!++;
  }
  const edges = Array.from({ length: BINS + 1 }, (_, i) => min + ((max - min) * i) / BINS);
  return {
    min,
    max,
    mean,
    std: Math.sqrt(squares / finite),
    quantiles: quantilesOf(values),
    zeros: zeros / values.length,
    notFinite,
    histogram: { edges, counts },
  };
}

function quantilesOf(values: TypedArray): Summary["quantiles"] {
  const stride = Math.max(1, Math.floor(values.length / SAMPLE));
  const sample = new Float64Array(Math.ceil(values.length / stride));
  let n = 0;
  for (let i = 0; i < values.length; i += stride) if (Number.isFinite(values[i]!)) sample[n++] = values[i]!;
  const sorted = sample.subarray(0, n).sort();
  const at = (share: number) => {
    const place = share * (n - 1);
    const below = sorted[Math.floor(place)]!;
    return below + (sorted[Math.ceil(place)]! - below) * (place % 1);
  };
  return n === 0 ? [0, 0, 0, 0, 0] : [at(0.05), at(0.25), at(0.5), at(0.75), at(0.95)];
}
