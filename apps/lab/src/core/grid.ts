/** A surface's heights on a grid, for contours and for the rotated view. */
import { tensor } from "thalweg";
import type { Surface } from "./surfaces.js";

export interface Grid {
  readonly columns: number;
  readonly rows: number;
  /** Row by row, from the lowest y; columns from the lowest x. */
  readonly heights: Float32Array;
  readonly view: Surface["view"];
}

/** Evaluates a surface on a grid that covers its view, edges included, in one call. */
export function gridOf(surface: Surface, view: Surface["view"], columns: number, rows: number): Grid {
  const points = new Float32Array(2 * columns * rows);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const at = 2 * (r * columns + c);
      points[at] = view.x[0] + ((view.x[1] - view.x[0]) * c) / (columns - 1);
      points[at + 1] = view.y[0] + ((view.y[1] - view.y[0]) * r) / (rows - 1);
    }
  }
  const heights = surface.evaluate(tensor(points).reshape([columns * rows, 2])).dataSync() as Float32Array;
  return { columns, rows, heights, view };
}

/**
 * Heights at which lines are drawn: equal shares of the grid's points lie between two of them, so that both a valley's floor
 * and its walls show their shape.
 */
export function levelsOf({ heights }: Grid, count: number): number[] {
  const sorted = Float64Array.from(heights).filter(Number.isFinite).sort();
  if (sorted.length === 0) return [];
  const levels: number[] = [];
  for (let i = 0; i < count; i++) {
    // Denser near the floor, where paths spend their time.
    const level = sorted[Math.floor(((i + 0.5) / count) ** 1.5 * (sorted.length - 1))]!;
    if (level > (levels.at(-1) ?? Number.NEGATIVE_INFINITY)) levels.push(level);
  }
  return levels;
}
