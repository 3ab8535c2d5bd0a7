/** Colours for a terrain: tints by height, shade by light, and contour lines as thin as a hair. */
import type { Terrain } from "./terrain.js";

type Rgb = readonly [number, number, number];

export interface Palette {
  /** From the lowest to the highest. */
  readonly tints: readonly Rgb[];
  readonly contour: Rgb;
  /** The glass sides of a block. */
  readonly side: Rgb;
  /** What lies around a block. */
  readonly around: Rgb;
  /** How much light and shadow change a tint. */
  readonly shading: number;
  /** How much of the contour colour a line takes on. */
  readonly inking: number;
}

/** RGBA pixels of a terrain, each of them the mean of `fold` × `fold` of its own. */
export function paint(
  terrain: Terrain,
  palette: Palette,
  levels: number,
  density: number,
  fold: number,
): Uint8ClampedArray {
  const { width, height, lines, light, glass } = terrain;
  const pixels = new Uint8ClampedArray((width / fold) * (height / fold) * 4);
  const tints = bandsOf(palette.tints, levels);
  const { contour, side, around, shading, inking } = palette;
  const hair = 0.5 * density * fold;
  const sums = new Float32Array((width / fold) * 3);
  for (let row = 0; row < height; row++) {
    const above = row > 0 ? -width : 0;
    const below = row + 1 < height ? width : 0;
    for (let c = 0; c < width; c++) {
      const at = row * width + c;
      const line = lines[at]!;
      let [r, g, b] = around;
      if (!Number.isNaN(line)) {
        const band = 3 * Math.min(Math.max(Math.floor(line) + 1, 0), levels);
        // Light has less room than shadow on pale tints.
        const shade = 1 + shading * (light[at]! > 0 ? 0.4 : 1) * light[at]!;
        r = tints[band]! * shade;
        g = tints[band + 1]! * shade;
        b = tints[band + 2]! * shade;
        const x = (lines[c + 1 < width ? at + 1 : at]! - lines[c > 0 ? at - 1 : at]!) / 2;
        const y = (lines[at + below]! - lines[at + above]!) / 2;
        const slope = Math.sqrt(x * x + y * y);
        if (slope > 1e-4 && slope < 0.5) {
          const nearest = Math.round(line);
          const cover = Math.min(Math.max(hair + 0.5 - Math.abs(line - nearest) / slope, 0), 1);
          if (cover > 0 && nearest >= 0 && nearest < levels) {
            // Where lines crowd they fade, so that walls do not turn black.
            const ink = cover * inking * Math.min(1, 0.35 / slope);
            r += (contour[0] - r) * ink;
            g += (contour[1] - g) * ink;
            b += (contour[2] - b) * ink;
          }
        }
      }
      const pane = glass === undefined ? Number.NaN : glass[at]!;
      if (!Number.isNaN(pane)) {
        const cover = (Number.isNaN(line) ? 0.42 : 0.2) - 0.08 * pane;
        r += (side[0] - r) * cover;
        g += (side[1] - g) * cover;
        b += (side[2] - b) * cover;
      }
      const sum = 3 * Math.floor(c / fold);
      sums[sum]! += r;
      sums[sum + 1]! += g;
      sums[sum + 2]! += b;
    }
    if ((row + 1) % fold !== 0) continue;
    const to = (Math.floor(row / fold) * width * 4) / fold;
    for (let c = 0; c < width / fold; c++) {
      for (let k = 0; k < 3; k++) pixels[to + 4 * c + k] = sums[3 * c + k]! / (fold * fold);
      pixels[to + 4 * c + 3] = 255;
    }
    sums.fill(0);
  }
  return pixels;
}

/** One tint for each band: below the first line, between two lines, above the last. */
function bandsOf(tints: readonly Rgb[], levels: number): Float32Array {
  const bands = new Float32Array(3 * (levels + 1));
  for (let k = 0; k <= levels; k++) {
    const at = (k / Math.max(levels, 1)) * (tints.length - 1);
    const i = Math.min(Math.floor(at), tints.length - 2);
    for (let c = 0; c < 3; c++) bands[3 * k + c] = tints[i]![c]! + (tints[i + 1]![c]! - tints[i]![c]!) * (at - i);
  }
  return bands;
}
