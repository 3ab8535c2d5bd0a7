/**
 * The surface as a block that is turned and tilted: heights and light for each pixel. Its sides are of glass, and slopes that
 * face away from the viewer are left out, so that no wall hides the floor; hills do hide what is behind them.
 */
import type { Grid } from "./grid.js";
import { liftOf, linesOf, lit, lowestOf, refine, type Terrain } from "./terrain.js";

type Range = readonly [number, number];

/** Where points of a surface lie in the picture, and which point lies under a pixel. */
export interface Projection {
  readonly project: (x: number, y: number, loss: number) => [px: number, py: number, away: number];
}

/** How far away from the viewer what is seen is, pixel by pixel, on the block's own scale; infinite beside it. */
export interface Depth {
  readonly width: number;
  readonly height: number;
  readonly away: Float32Array;
}

/** The block is a little wider than it is deep, like the picture. */
const WIDE = 1.25;
/** How high the block stands against its depth, and how far its foot lies under the floor. */
const HIGH = 0.46;
const FOOT = -0.1;

interface Block {
  readonly view: Grid["view"];
  readonly levels: readonly number[];
  readonly turned: readonly [number, number];
  readonly width: number;
  readonly height: number;
}

/** The block's measures in the picture. */
function measures({ turned: [turn, tilt], width, height }: Block) {
  const [sin, cos] = [Math.sin((turn * Math.PI) / 180), Math.cos((turn * Math.PI) / 180)];
  const [up, along] = [HIGH * Math.cos((tilt * Math.PI) / 180), Math.sin((tilt * Math.PI) / 180)];
  // The corners go round a circle; so the block fits at every angle, and does not grow or shrink when it is turned.
  const round = Math.hypot(WIDE, 1);
  const scale = Math.min(width / (round * 1.04), height / (round * along + (1.1 - FOOT) * up + 0.06));
  const middle = height / 2 + ((1.1 + FOOT) / 2) * up * scale;
  return { sin, cos, up, along, scale, middle };
}

export function projectionOf(block: Block): Projection["project"] {
  const { sin, cos, up, along, scale, middle } = measures(block);
  const lift = liftOf(block.levels);
  const unit = (value: number, [from, to]: Range) => (value - from) / (to - from) - 0.5;
  return (x, y, loss) => {
    const u = WIDE * unit(x, block.view.x);
    const v = unit(y, block.view.y);
    const away = u * sin + v * cos;
    return [block.width / 2 + (u * cos - v * sin) * scale, middle - (away * along + lift(loss) * up) * scale, away];
  };
}

/** The point of the surface that is so far away under a pixel: the reverse of {@link projectionOf}. */
export function pointUnder(block: Block, px: number, away: number): [number, number] {
  const { sin, cos, scale } = measures(block);
  const across = (px - block.width / 2) / scale;
  const { x, y } = block.view;
  const u = (across * cos + away * sin) / WIDE + 0.5;
  const v = away * cos - across * sin + 0.5;
  return [x[0] + u * (x[1] - x[0]), y[0] + v * (y[1] - y[0])];
}

/** Walks each column of the picture from the front to the back, and fills what no nearer ground has filled. */
export function reliefTerrain(grid: Grid, block: Block): Terrain & { readonly depth: Depth } {
  const { width, height, levels } = block;
  const { sin, cos, up, along, scale, middle } = measures(block);
  const fine = refine(grid, 2 * grid.columns - 1, 2 * grid.rows - 1);
  const { columns, rows, heights } = fine;
  const line = linesOf(levels, lowestOf(grid));
  const liftAt = liftOf(levels);
  const lineGrid = heights.map(line);
  const lifts = heights.map(liftAt);
  const shades = shadesOf(lifts, columns, rows, sin, cos);

  const lines = new Float32Array(width * height).fill(Number.NaN);
  const light = new Float32Array(width * height);
  const glass = new Float32Array(width * height).fill(Number.NaN);
  const away = new Float32Array(width * height).fill(Number.POSITIVE_INFINITY);
  const sample = (values: Float32Array, i: number, fx: number, fy: number) => {
    const low = values[i]! + (values[i + 1]! - values[i]!) * fx;
    const high = values[i + columns]! + (values[i + columns + 1]! - values[i + columns]!) * fx;
    return low + (high - low) * fy;
  };

  for (let c = 0; c < width; c++) {
    const across = (c + 0.5 - width / 2) / scale;
    // Where this column enters the block and leaves it: |u| ≤ WIDE / 2 and |v| ≤ 1 / 2.
    const [u0, u1] = crossing(across * cos, sin, WIDE / 2);
    const [v0, v1] = crossing(-across * sin, cos, 0.5);
    const [from, to] = [Math.max(u0, v0), Math.min(u1, v1)];
    if (!(from < to)) continue;
    const samples = Math.max(Math.ceil((to - from) * scale * 0.75), 2);
    let [lastY, lastLine, lastLight, lastAway] = [0, 0, 0, 0];
    for (let s = 0; s <= samples; s++) {
      const a = from + ((to - from) * s) / samples;
      const gx = Math.min(Math.max(((across * cos + a * sin) / WIDE + 0.5) * (columns - 1), 0), columns - 1.001);
      const gy = Math.min(Math.max((a * cos - across * sin + 0.5) * (rows - 1), 0), rows - 1.001);
      const [ix, iy] = [gx | 0, gy | 0];
      const i = iy * columns + ix;
      const y = middle - (a * along + sample(lifts, i, gx - ix, gy - iy) * up) * scale;
      const l = sample(lineGrid, i, gx - ix, gy - iy);
      const shade = sample(shades, i, gx - ix, gy - iy);
      if (s === 0) {
        const foot = middle - (a * along + FOOT * up) * scale;
        const facing = u0 > v0 ? Math.sign(sin) * cos : -Math.sign(cos) * sin;
        for (let row = Math.max(Math.ceil(y), 0); row < Math.min(foot, height); row++) glass[row * width + c] = facing;
      }
      // A slope that faces the viewer goes up in the picture.
      for (let row = Math.min(Math.ceil(lastY), height) - 1; s > 0 && row >= Math.max(y, 0); row--) {
        const at = row * width + c;
        if (away[at]! < a) continue;
        const t = (lastY - row) / (lastY - y);
        lines[at] = lastLine + (l - lastLine) * t;
        light[at] = lastLight + (shade - lastLight) * t;
        away[at] = lastAway + (a - lastAway) * t;
      }
      [lastY, lastLine, lastLight, lastAway] = [y, l, shade, a];
    }
  }
  return { width, height, lines, light, glass, depth: { width, height, away } };
}

/** For which a the line `start + a · slope` lies within ±half. */
function crossing(start: number, slope: number, half: number): [number, number] {
  if (Math.abs(slope) < 1e-9) {
    return Math.abs(start) <= half ? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] : [1, 0];
  }
  const [a, b] = [(-half - start) / slope, (half - start) / slope];
  return a < b ? [a, b] : [b, a];
}

/** Light on each grid point; the lamp stands to the viewer's upper left, wherever the block is turned. */
function shadesOf(lifts: Float32Array, columns: number, rows: number, sin: number, cos: number): Float32Array {
  const shades = new Float32Array(columns * rows);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const at = r * columns + c;
      const du = ((lifts[c + 1 < columns ? at + 1 : at]! - lifts[c > 0 ? at - 1 : at]!) * (columns - 1)) / 2 / WIDE;
      const dv = ((lifts[r + 1 < rows ? at + columns : at]! - lifts[r > 0 ? at - columns : at]!) * (rows - 1)) / 2;
      // Along the picture's own directions; down is towards the viewer.
      shades[at] = lit(HIGH * (du * cos - dv * sin), -HIGH * (du * sin + dv * cos));
    }
  }
  return shades;
}
