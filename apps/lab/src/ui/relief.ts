/** Draws a surface as a relief that is turned and tilted: shaded quadrilaterals, the farthest first. */
import type { Grid } from "../core/grid.js";
import type { Size } from "./contours.js";
import { colour } from "./palette.js";

/** Projects points of a surface, and says how high a loss is drawn. */
export interface Relief {
  readonly project: (x: number, y: number, loss: number) => readonly [number, number];
  readonly draw: (context: CanvasRenderingContext2D) => void;
}

/** Every so many grid lines one is drawn. */
const STRIDE = 2;

export function reliefOf(
  grid: Grid,
  levels: readonly number[],
  [turn, tilt]: readonly [number, number],
  { width, height }: Size,
): Relief {
  const { columns, rows, heights, view } = grid;
  const lowest = levels[0] ?? 0;
  const highest = levels.at(-1) ?? 1;
  // A root makes both the floor and the walls visible.
  const lift = (loss: number) => {
    const share = Math.min(Math.max((loss - lowest) / (highest - lowest || 1), -0.02), 1.15);
    return share <= 0 ? share : share ** 0.45;
  };
  const [sin, cos] = [Math.sin((turn * Math.PI) / 180), Math.cos((turn * Math.PI) / 180)];
  const [up, along] = [Math.cos((tilt * Math.PI) / 180), Math.sin((tilt * Math.PI) / 180)];
  const scale = Math.min(width / 1.5, height / (1.5 * along + 0.62 * up));
  const place = (u: number, v: number, h: number): [number, number, number] => {
    const across = u * cos - v * sin;
    const away = u * sin + v * cos;
    return [width / 2 + across * scale, height * 0.56 - away * along * scale - (h - 0.4) * 0.55 * up * scale, away];
  };
  const toUnit = (value: number, [from, to]: readonly [number, number]) => (value - from) / (to - from) - 0.5;

  return {
    project(x, y, loss) {
      const [px, py] = place(toUnit(x, view.x), toUnit(y, view.y), lift(loss) + 0.01);
      return [px, py];
    },
    draw(context) {
      context.clearRect(0, 0, width, height);
      const low = rgb(colour("--relief-low"));
      const high = rgb(colour("--relief-high"));
      const quads: { away: number; corners: [number, number, number][]; shade: number }[] = [];
      for (let r = 0; r + STRIDE < rows; r += STRIDE) {
        for (let c = 0; c + STRIDE < columns; c += STRIDE) {
          const corners = (
            [
              [c, r],
              [c + STRIDE, r],
              [c + STRIDE, r + STRIDE],
              [c, r + STRIDE],
            ] as const
          ).map(([i, j]) => {
            const loss = heights[j * columns + i]!;
            return place(
              i / (columns - 1) - 0.5,
              j / (rows - 1) - 0.5,
              lift(Number.isFinite(loss) ? loss : highest * 2),
            );
          });
          const loss = heights[(r + 1) * columns + c + 1]!;
          // Light from the left: slopes that rise to the right are brighter.
          const light = ((corners[0]![1] - corners[1]![1]) / scale) * 6;
          const shade = Math.min(Math.max(lift(loss) * 0.85 - light * 0.12, 0), 1);
          quads.push({ away: corners[0]![2] + corners[2]![2], corners, shade });
        }
      }
      quads.sort((a, b) => b.away - a.away);
      for (const { corners, shade } of quads) {
        context.beginPath();
        for (const [px, py] of corners) context.lineTo(px, py);
        context.closePath();
        const fill = `rgb(${low.map((x, i) => Math.round(x + (high[i]! - x) * shade)).join()})`;
        context.fillStyle = fill;
        // The seams between neighbours are filled with their own colour.
        context.strokeStyle = fill;
        context.lineWidth = 0.75;
        context.fill();
        context.stroke();
      }
    },
  };
}

/** A colour of the form #rrggbb as three numbers. */
function rgb(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
