/** Draws the ground: evaluates the surface where it is looked at, and paints it as a map or as a block. */
import { type Grid, gridOf, levelsOf } from "../core/grid.js";
import { paint } from "../core/paint.js";
import { partOf } from "../core/part.js";
import { reliefTerrain } from "../core/relief.js";
import { surfaceOf } from "../core/surfaces.js";
import { mapTerrain } from "../core/terrain.js";
import type { Ground, GroundRequest, SurfaceFacts } from "./protocol.js";

const COLUMNS = 161;
const ROWS = 121;
const LEVELS = 20;
/** A block's edges and lines are smoothed by drawing it larger; while it is turned on a large screen there is no time for that. */
const FOLD = 2;

interface Evaluated {
  readonly key: string;
  readonly facts: SurfaceFacts;
  readonly grid: Grid;
  readonly levels: readonly number[];
}
/** The last one: turning, resizing and another theme evaluate nothing. */
let last: Evaluated | null = null;

function evaluated({ surface: name, formula, start, zoom }: GroundRequest): Evaluated {
  const surface = surfaceOf(name, formula);
  const view = partOf(surface.view, start, zoom);
  const key = JSON.stringify([name, formula, view]);
  if (last?.key === key) return last;
  const grid = gridOf(surface, view, COLUMNS, ROWS);
  const { tex, axes, minima } = surface;
  const facts = { name, tex, axes, minima, start: surface.start, view: surface.view };
  last = { key, facts, grid, levels: levelsOf(grid, LEVELS) };
  return last;
}

export function drawGround(request: GroundRequest): Ground {
  const { turned, width, height, density, palette } = request;
  const { facts, grid, levels } = evaluated(request);
  const [columns, rows] = [Math.round(width * density), Math.round(height * density)];
  const fold = turned === null ? 1 : FOLD;
  const relief =
    turned === null
      ? null
      : reliefTerrain(grid, { view: grid.view, levels, turned, width: columns * fold, height: rows * fold });
  const terrain = relief ?? mapTerrain(grid, levels, columns, rows);
  const pixels = new ImageData(columns, rows);
  pixels.data.set(paint(terrain, palette, levels.length, density, fold));
  return { kind: "ground", facts, grid, levels, turned, width, height, pixels, depth: relief?.depth ?? null };
}
