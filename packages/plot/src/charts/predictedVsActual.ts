import * as Plot from "@observablehq/plot";
import { scaleLinear } from "d3-scale";
import type { Drawing } from "../drawing.js";
import { Figure } from "../figure.js";
import { draw } from "../frame.js";
import { message } from "../message.js";
import { count, digits } from "../numbers.js";
import { type ChartOptions, checkSize, plainOptions } from "../options.js";
import { span, tickFormat } from "../series.js";
import { type EvaluationLike, type Num, num } from "../shapes.js";
import { drawDots } from "../terminal.js";
import { colourOf } from "../theme.js";

/** What was measured and what was predicted, row by row. */
export interface Predictions {
  readonly actual: readonly Num[];
  readonly predicted: readonly Num[];
}

// Points that would fall on the same spot are one; this many spots each way.
const SPOTS = 160;

/**
 * A dot for each row: measured to the right, predicted upwards. On the diagonal the prediction is exact. Takes an evaluation, or
 * the two columns.
 */
export function predictedVsActual(evaluation: EvaluationLike | Predictions, options: ChartOptions = {}): Figure {
  checkSize("predictedVsActual", options);
  const given = "actual" in evaluation ? evaluation : evaluation.predictedVsActual;
  const metrics = "actual" in evaluation ? undefined : evaluation.metrics;
  const { title, width = 560 } = plainOptions(options);
  if (given === undefined) {
    return new Figure(
      message(title, "This evaluation has no predictions of numbers, so there is nothing to set side by side."),
    );
  }
  const { actual, predicted } = given;
  if (actual.length !== predicted.length) {
    throw new RangeError(
      `predictedVsActual: ${actual.length} actual and ${predicted.length} predicted values; they must be as many`,
    );
  }
  const all = actual.map((a, i) => ({ actual: num(a), predicted: num(predicted[i]) }));
  const points = all.filter((p) => Math.abs(p.actual) <= 1e300 && Math.abs(p.predicted) <= 1e300);
  if (points.length === 0) {
    const why =
      all.length === 0 ? "There are no rows to draw." : `None of ${count(all.length, "row")} has a finite prediction.`;
    return new Figure(message(title ?? "Predicted against actual", why));
  }

  const domain = span(
    points.flatMap((p) => [p.actual, p.predicted]),
    "linear",
  );
  const nice = scaleLinear().domain(domain).nice(6).domain() as [number, number];
  const lost = all.length - points.length;
  const remark = lost === 0 ? undefined : `${count(lost, "row")} not finite`;
  const drawn = spread(points, nice);
  const r2 = metrics?.r2 === undefined ? "" : `, R² ${digits(num(metrics.r2), 3)}`;
  const alt = `Predicted against actual, ${count(points.length, "row")} from ${digits(domain[0], 4)} to ${digits(domain[1], 4)}${r2}${remark === undefined ? "" : `, ${remark}`}; the nearer to the diagonal, the better`;
  const drawing: Drawing = {
    title,
    alt,
    svg: (canvas) => {
      const w = canvas.width ?? width;
      const side = w - 84;
      const axis = {
        scale: { domain: nice },
        ticks: Math.max(3, side / 90),
        format: tickFormat(nice, "linear"),
        grid: true,
      };
      return draw(canvas, {
        title,
        alt,
        remark,
        width: w,
        height: options.height ?? { inner: side },
        x: { label: "Actual", ...axis },
        y: { label: "Predicted", ...axis },
        scales: { r: { type: "identity" } },
        marks: [
          Plot.line(
            [
              [nice[0], nice[0]],
              [nice[1], nice[1]],
            ],
            {
              stroke: canvas.theme.ink,
              strokeOpacity: 0.55,
              strokeWidth: 1.5,
              strokeDasharray: "6 5",
            },
          ),
          Plot.dot(drawn, {
            x: "actual",
            y: "predicted",
            r: (d: Spot) => Math.min(6, 2.6 + 0.5 * Math.log2(d.rows)),
            fill: colourOf(canvas.theme, 0),
            fillOpacity: points.length > 300 ? 0.45 : 0.65,
          }),
        ],
      });
    },
    text: (size) => drawDots(points, nice, { title, xLabel: "Actual", yLabel: "Predicted" }, size),
    table: () => ({
      columns: ["Actual", "Predicted", "Error"],
      rows: all.map((p) => [p.actual, p.predicted, p.predicted - p.actual]),
    }),
  };
  return new Figure(drawing);
}

interface Spot {
  readonly actual: number;
  readonly predicted: number;
  readonly rows: number;
}

/** Points, of which those that would cover each other are one larger dot: a hundred thousand rows cost what a few thousand do. */
function spread(points: readonly { actual: number; predicted: number }[], [low, high]: [number, number]): Spot[] {
  if (points.length <= 500) return points.map((p) => ({ ...p, rows: 1 }));
  const place = (v: number) => Math.round(((v - low) / (high - low)) * SPOTS);
  const spots = new Map<number, Spot>();
  for (const p of points) {
    const key = place(p.actual) * (SPOTS + 1) + place(p.predicted);
    const there = spots.get(key);
    spots.set(key, there === undefined ? { ...p, rows: 1 } : { ...there, rows: there.rows + 1 });
  }
  return [...spots.values()];
}
