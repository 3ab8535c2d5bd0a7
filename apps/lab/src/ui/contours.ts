/** Draws a surface from above: bands between contour lines, darker where it is higher. */
import { contours } from "d3-contour";
import type { Grid } from "../core/grid.js";
import { colour } from "./palette.js";

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Where a point of the surface lies on the canvas. */
export function toPixel({ view }: Grid, { width, height }: Size, x: number, y: number): [number, number] {
  const { x: xs, y: ys } = view;
  return [((x - xs[0]) / (xs[1] - xs[0])) * width, (1 - (y - ys[0]) / (ys[1] - ys[0])) * height];
}

/** Which point of the surface lies under a pixel. */
export function toPoint({ view }: Grid, { width, height }: Size, px: number, py: number): [number, number] {
  const { x: xs, y: ys } = view;
  return [xs[0] + (px / width) * (xs[1] - xs[0]), ys[0] + (1 - py / height) * (ys[1] - ys[0])];
}

/** Draws the bands. Called once for each surface, size and theme; paths go on a canvas above. */
export function drawContours(
  context: CanvasRenderingContext2D,
  grid: Grid,
  levels: readonly number[],
  size: Size,
): void {
  const { columns, rows, heights } = grid;
  context.clearRect(0, 0, size.width, size.height);
  context.fillStyle = colour("--low");
  context.fillRect(0, 0, size.width, size.height);
  // Where the surface is not finite it counts as high.
  const values = Array.from(heights, (h) => (Number.isFinite(h) ? h : Number.MAX_VALUE));
  const bands = contours()
    .size([columns, rows])
    .thresholds([...levels])(values);
  // d3 puts the value of a grid point into the middle of a cell; ours lie on the edges of the view.
  const place = ([c, r]: readonly [number, number]): [number, number] => [
    ((c - 0.5) / (columns - 1)) * size.width,
    (1 - (r - 0.5) / (rows - 1)) * size.height,
  ];
  context.lineWidth = 1;
  context.strokeStyle = colour("--contour");
  context.fillStyle = colour("--high");
  const shade = 1 - 0.22 ** (1 / Math.max(bands.length, 1));
  for (const band of bands) {
    context.beginPath();
    for (const polygon of band.coordinates as unknown as [number, number][][][]) {
      for (const ring of polygon) {
        ring.forEach((point, i) => {
          const [px, py] = place(point);
          if (i === 0) context.moveTo(px, py);
          else context.lineTo(px, py);
        });
        context.closePath();
      }
    }
    // Each band lies on those below it, so that the shade grows with the height.
    context.globalAlpha = shade;
    context.fill("evenodd");
    context.globalAlpha = 0.55;
    context.stroke();
  }
  context.globalAlpha = 1;
}
