/** A surface's ground as pixels: how high each is, counted in contour lines, and how the light falls on it. */
import type { Grid } from "./grid.js";

/** What is painted: a number for each pixel, row by row from the top. */
export interface Terrain {
  readonly width: number;
  readonly height: number;
  /** Height in contour lines: 0 on the lowest line, 1 on the next, …; NaN where there is no ground. */
  readonly lines: Float32Array;
  /** −1 in shadow to 1 in full light. */
  readonly light: Float32Array;
  /** Where a pane of glass stands before it: how far the pane faces the light, −1 to 1; else NaN. */
  readonly glass?: Float32Array;
}

export const lowestOf = ({ heights }: Grid): number =>
  heights.reduce((least, h) => (Number.isFinite(h) && h < least ? h : least), Number.POSITIVE_INFINITY);

/** Where a height lies between the levels: a whole number on each line, straight between two. */
export function linesOf(levels: readonly number[], lowest: number): (height: number) => number {
  const last = levels.length - 1;
  const top = levels[last] ?? 0;
  const reach = Math.max(top - (levels[last - 1] ?? 0), Number.MIN_VALUE);
  let k = 0;
  return (height) => {
    if (last < 1) return 0;
    // Neighbours lie between the same lines, or the next.
    while (k < last - 1 && height >= levels[k + 1]!) k++;
    while (k > 0 && height < levels[k]!) k--;
    if (height < levels[0]!) return Math.max((height - lowest) / (levels[0]! - lowest || 1), 0) - 1;
    if (height >= top) return last + Math.min((height - top) / reach, 0.999);
    return k + (height - levels[k]!) / (levels[k + 1]! - levels[k]!);
  };
}

/** The grid with points between its points, on smooth curves through them (Catmull and Rom's). */
export function refine({ columns, rows, heights, view }: Grid, width: number, height: number): Grid {
  // What is not finite counts as high.
  let most = Number.NEGATIVE_INFINITY;
  for (const h of heights) if (Number.isFinite(h) && h > most) most = h;
  const values = heights.every(Number.isFinite) ? heights : heights.map((h) => (Number.isFinite(h) ? h : most));
  const wide = stretch(values, rows, columns, width, 1, columns);
  const tall = stretch(wide, width, rows, height, width, 1);
  return { columns: width, rows: height, heights: tall, view };
}

/** Stretches each of `count` lines of `from` numbers to `to`; numbers lie `stride` apart, lines `pitch`. */
function stretch(
  values: Float32Array,
  count: number,
  from: number,
  to: number,
  stride: number,
  pitch: number,
): Float32Array {
  const out = new Float32Array(count * to);
  const outPitch = stride === 1 ? to : 1;
  const outStride = stride === 1 ? 1 : stride;
  const taps = Array.from({ length: to }, (_, i) => {
    const at = to === 1 ? 0 : (i / (to - 1)) * (from - 1);
    const k = Math.min(Math.floor(at), Math.max(from - 2, 0));
    const t = at - k;
    return {
      k,
      weights: [
        ((2 - t) * t - 1) * t * 0.5,
        ((3 * t - 5) * t * t + 2) * 0.5,
        ((4 - 3 * t) * t + 1) * t * 0.5,
        (t - 1) * t * t * 0.5,
      ],
    };
  });
  for (let i = 0; i < to; i++) {
    const { k, weights } = taps[i]!;
    const [a, b, c, d] = weights as [number, number, number, number];
    const at = [k - 1, k, k + 1, k + 2].map((j) => Math.min(Math.max(j, 0), from - 1) * stride);
    const [i0, i1, i2, i3] = at as [number, number, number, number];
    // Beyond an edge the curve goes on straight.
    const before = k > 0 ? 0 : 1;
    const beyond = k + 2 < from ? 0 : 1;
    for (let line = 0; line < count; line++) {
      const base = line * pitch;
      const second = values[base + i1]!;
      const third = values[base + i2]!;
      const first = before ? 2 * second - third : values[base + i0]!;
      const fourth = beyond ? 2 * third - second : values[base + i3]!;
      out[line * outPitch + i * outStride] = a * first + b * second + c * third + d * fourth;
    }
  }
  return out;
}

/** How high a height is drawn, 0 to about 1: a root makes both the floor and the walls visible. */
export function liftOf(levels: readonly number[]): (height: number) => number {
  const lowest = levels[0] ?? 0;
  const reach = (levels.at(-1) ?? 1) - lowest || 1;
  return (height) => {
    const share = Math.min((height - lowest) / reach, 1.3);
    if (share <= 0) return Math.max(share, -0.02);
    // To the power of 7/16 by roots alone: quicker than a power, and of the same bits in every browser.
    const fourth = Math.sqrt(Math.sqrt(share));
    const eighth = Math.sqrt(fourth);
    return fourth * eighth * Math.sqrt(eighth);
  };
}

/** The map: the surface from above, lit from the upper left. */
export function mapTerrain(grid: Grid, levels: readonly number[], width: number, height: number): Terrain {
  const { heights } = refine(grid, width, height);
  const line = linesOf(levels, lowestOf(grid));
  const lift = liftOf(levels);
  const lines = new Float32Array(width * height);
  const lifts = new Float32Array(width * height);
  for (let row = 0; row < height; row++) {
    // Pictures begin at the top, grids at the lowest y.
    const from = (height - 1 - row) * width;
    for (let c = 0; c < width; c++) {
      lines[row * width + c] = line(heights[from + c]!);
      lifts[row * width + c] = lift(heights[from + c]!);
    }
  }
  const light = new Float32Array(width * height);
  // As steep as if the ground rose by a part of the picture's width.
  const rise = 0.4 * Math.max(width, height);
  for (let row = 0; row < height; row++) {
    const above = Math.max(row - 1, 0) * width;
    const below = Math.min(row + 1, height - 1) * width;
    for (let c = 0; c < width; c++) {
      const at = row * width + c;
      const across = (lifts[c + 1 < width ? at + 1 : at]! - lifts[c > 0 ? at - 1 : at]!) * 0.5 * rise;
      const down = (lifts[below + c]! - lifts[above + c]!) * 0.5 * rise;
      light[at] = lit(across, down);
    }
  }
  return { width, height, lines, light };
}

/** Light from the upper left on a slope that rises so much to the right and downwards. */
export const lit = (across: number, down: number): number =>
  (0.6 * across + 0.8 * down) / Math.sqrt(1 + across * across + down * down);
