import * as Plot from "@observablehq/plot";
import type { Canvas, Drawing } from "../drawing.js";
import { Figure } from "../figure.js";
import { draw } from "../frame.js";
import { message } from "../message.js";
import { digits } from "../numbers.js";
import { type ChartOptions, checkSize, plainOptions } from "../options.js";
import { drawPanels } from "../panels.js";
import { drawable, logTicks, plain, type Series, span, tickFormat } from "../series.js";
import { dataOf, type HistoryLike, num } from "../shapes.js";
import { drawText } from "../terminal.js";
import { colourOf } from "../theme.js";
import { type Choice, chosen } from "./parameters.js";

/** Which parameters' step sizes are drawn. */
export interface StepSizeOptions extends ChartOptions, Choice {}

/** How large the steps of one parameter's elements were at the end of one epoch. */
interface Band {
  readonly x: number;
  readonly q5: number;
  readonly q25: number;
  readonly q50: number;
  readonly q75: number;
  readonly q95: number;
}

/**
 * How large the steps of each parameter's elements were over time: the middle half, the middle nine tenths and the median, on
 * a log scale that all share. RMSProp's reason is that these differ.
 */
export function stepSizes(history: HistoryLike, options: StepSizeOptions = {}): Figure {
  checkSize("stepSizes", options);
  const { title, width = 640, height } = plainOptions(options);
  const { epochs } = dataOf(history);
  const { names, remark } = chosen("stepSizes", epochs, "stepSize", options);
  const bands = names.map((name) => ({
    name: plain(name),
    bands: epochs.flatMap((e): Band[] => {
      const summary = e.parameters?.[name]?.stepSize;
      if (!summary) return [];
      // A step of 0 is no place on a log scale.
      const [q5, q25, q50, q75, q95] = drawable({ x: [], y: summary.quantiles.map(num) }, "log").y;
      return [{ x: e.epoch, q5: q5!, q25: q25!, q50: q50!, q75: q75!, q95: q95! }];
    }),
  }));
  const drawn = bands.filter((b) => b.bands.some((v) => !Number.isNaN(v.q50)));
  if (drawn.length === 0) {
    const why =
      names.length === 0 ? "No step sizes were recorded in this run." : "No step size is positive and finite.";
    return new Figure(message(title ?? "Step sizes", why));
  }
  return new Figure(drawingOf(drawn, title, width, height, remark));
}

function drawingOf(
  parameters: readonly { name: string; bands: readonly Band[] }[],
  title: string | undefined,
  width: number,
  height: number | undefined,
  remark: string | undefined,
): Drawing {
  const all = parameters.flatMap((p) => p.bands);
  const [low, high] = span(
    all.flatMap((b) => [b.q5, b.q95, b.q50]),
    "log",
  );
  const domain: [number, number] = [low / 1.3, high * 1.3];
  const ends = parameters.map((p) => `${p.name} ${digits(p.bands.at(-1)!.q50, 3)}`).join(", ");
  const alt = `Sizes of the steps of ${parameters.length} parameters by epoch, on a log scale; medians at the end: ${ends}`;
  const medians = parameters.map(
    (p): Series => ({ name: p.name, x: p.bands.map((b) => b.x), y: p.bands.map((b) => b.q50) }),
  );
  return {
    title,
    alt,
    svg: (canvas) => {
      const colour = colourOf(canvas.theme, 0);
      return drawPanels(canvas, {
        title,
        alt,
        remark,
        width: canvas.width ?? width,
        ...(height === undefined ? {} : { height }),
        legend: [
          { label: "median", colours: [colour], mark: "━" },
          { label: "middle half and middle 90 %", colours: [colour], mark: "▒" },
        ],
        panels: parameters.map((p) => (c, w, h) => panel(c, w, h, p.name, p.bands, domain)),
      });
    },
    text: (options) =>
      drawText(
        medians,
        { title: title ?? "Step sizes: medians", xLabel: "Epoch", yLabel: "Step size", yScale: "log" },
        options,
      ),
    table: () => ({
      columns: ["Parameter", "Epoch", "5 %", "25 %", "median", "75 %", "95 %"],
      rows: parameters.flatMap((p) => p.bands.map((b) => [p.name, b.x, b.q5, b.q25, b.q50, b.q75, b.q95])),
    }),
  };
}

function panel(
  canvas: Canvas,
  width: number,
  height: number,
  title: string,
  bands: readonly Band[],
  domain: [number, number],
): SVGSVGElement {
  const fill = colourOf(canvas.theme, 0);
  const first = bands[0]!.x;
  const last = bands.at(-1)!.x;
  const alone = first === last;
  const area = (y1: keyof Band, y2: keyof Band, fillOpacity: number) =>
    alone
      ? Plot.ruleX(bands, { x: "x", y1, y2, stroke: fill, strokeOpacity: fillOpacity, strokeWidth: 12 })
      : Plot.areaY(bands, { x: "x", y1, y2, fill, fillOpacity });
  return draw(canvas, {
    title,
    alt: title,
    width,
    height,
    small: true,
    x: {
      scale: alone ? { domain: [first - 1, first + 1] } : {},
      ticks: alone ? [first] : Math.max(1, Math.min(last - first, width / 60)),
    },
    y: { scale: { type: "log", domain }, ticks: logTicks(domain, 4), format: tickFormat(domain, "log"), grid: true },
    marks: [
      area("q5", "q95", 0.18),
      area("q25", "q75", 0.35),
      alone
        ? Plot.dot(bands, { x: "x", y: "q50", r: 3, fill })
        : Plot.lineY(bands, { x: "x", y: "q50", stroke: fill, strokeWidth: 2, strokeLinejoin: "round" }),
    ],
  });
}
