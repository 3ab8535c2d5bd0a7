/** Where points of the surface lie on the ground as it is drawn, and which lie under a pixel. */
import { pointUnder, projectionOf } from "../core/relief.js";
import type { Ground } from "../worker/protocol.js";

export interface Placing {
  /** A point's place in the page's pixels. */
  readonly project: (x: number, y: number, loss: number) => readonly [px: number, py: number];
  /** Whether the ground hides it. */
  readonly hidden: (x: number, y: number, loss: number) => boolean;
  /** The point under a pixel; null where there is no ground. */
  readonly under: (px: number, py: number) => [number, number] | null;
}

/** A path runs on the ground, not in it. */
const LENIENT = 0.02;

export function placingOf({ grid: { view }, levels, turned, width, height, depth }: Ground): Placing {
  const [xs, ys] = [view.x, view.y];
  if (turned === null || depth === null)
    return {
      project: (x, y) => [((x - xs[0]) / (xs[1] - xs[0])) * width, (1 - (y - ys[0]) / (ys[1] - ys[0])) * height],
      hidden: () => false,
      under: (px, py) => [xs[0] + (px / width) * (xs[1] - xs[0]), ys[0] + (1 - py / height) * (ys[1] - ys[0])],
    };
  const block = { view, levels, turned, width, height };
  const project = projectionOf(block);
  const awayAt = (px: number, py: number): number => {
    const column = Math.floor((px / width) * depth.width);
    const row = Math.floor((py / height) * depth.height);
    if (column < 0 || row < 0 || column >= depth.width || row >= depth.height) return Number.POSITIVE_INFINITY;
    return depth.away[row * depth.width + column]!;
  };
  return {
    project: (x, y, loss) => {
      const [px, py] = project(x, y, loss);
      return [px, py];
    },
    hidden: (x, y, loss) => {
      const [px, py, away] = project(x, y, loss);
      return awayAt(px, py - 1) < away - LENIENT;
    },
    under: (px, py) => {
      const away = awayAt(px, py);
      return Number.isFinite(away) ? pointUnder(block, px, away) : null;
    },
  };
}
