import * as Plot from "@observablehq/plot";
import type { Canvas, Drawing } from "../drawing.js";
import { Figure } from "../figure.js";
import { draw, fontSize, textWidth } from "../frame.js";
import { message } from "../message.js";
import { capital, count, digits } from "../numbers.js";
import { type ChartOptions, checkSize, plainOptions } from "../options.js";
import { extent, plain } from "../series.js";
import { type Num, num } from "../shapes.js";
import { HEAT_TURNS } from "../theme.js";

/** A value for each pair of settings. */
export interface HeatMapInput {
  /** From left to right. */
  readonly x: readonly (number | string)[];
  /** From top to bottom. */
  readonly y: readonly (number | string)[];
  /** `values[i][j]` belongs to `y[i]` and `x[j]`. */
  readonly values: readonly (readonly Num[])[];
}

/** What a heat map's axes and colours mean. */
export interface HeatMapOptions extends ChartOptions {
  /** Drawn under the x axis, such as `"Learning rate"`. */
  readonly xLabel?: string;
  /** Drawn above the y axis, such as `"alpha"`. */
  readonly yLabel?: string;
  /** What the values are, such as `"validation loss"`. */
  readonly valueLabel?: string;
  /** `"linear"` (the default) or `"log"`: equal steps of colour are equal factors, and values ≤ 0 count as not drawable. */
  readonly scale?: "linear" | "log";
  /** What the first and the last colour stand for, the values' extent unless given; values beyond have their end's colour. */
  readonly range?: readonly [number, number];
  /** Mark the smallest or the largest value. */
  readonly best?: "min" | "max";
}

interface Cell {
  readonly row: number;
  readonly column: number;
  readonly value: number;
}

const SHADES = " ░▒▓█";

/**
 * A value for each pair of settings as a field of colours: the validation loss for each learning rate and alpha, say. Where a value
 * is not finite (the run diverged) the cell is empty with a cross.
 */
export function heatMap(input: HeatMapInput, options: HeatMapOptions = {}): Figure {
  checkSize("heatMap", options);
  const plainly = plainOptions(options);
  const { title, xLabel, yLabel, valueLabel = "value", scale = "linear", best, width = 640, height } = plainly;
  const { x, y, values } = input;
  if (values.length !== y.length || values.some((row) => row.length !== x.length)) {
    throw new RangeError(`heatMap: ${y.length} y and ${x.length} x need ${y.length} rows of ${x.length} values`);
  }
  if (best !== undefined && best !== "min" && best !== "max") {
    throw new RangeError(`heatMap: best is ${JSON.stringify(best)}; it must be "min" or "max"`);
  }
  const cells = values.flatMap((row, i) => row.map((v, j): Cell => ({ row: i, column: j, value: num(v) })));
  const seen = cells.filter((c) => Number.isFinite(c.value) && (scale === "linear" || c.value > 0));
  if (seen.length === 0) return new Figure(message(title ?? capital(valueLabel), `No ${valueLabel} is finite.`));
  const [low, high] = extent(seen.map((c) => c.value));
  const place = scale === "log" ? Math.log : (v: number) => v;
  /** From 0 at the first colour to 1 at the last. */
  const [from, to] = plainly.range ?? [low, high];
  const share = (v: number) =>
    to > from ? Math.max(0, Math.min(1, (place(v) - place(from)) / (place(to) - place(from)))) : 0;
  const first = seen.reduce((a, b) => ((best === "max" ? b.value > a.value : b.value < a.value) ? b : a));
  const name = (v: number | string) => (typeof v === "number" ? digits(v, 4) : plain(v));
  const xs = x.map(name);
  const ys = y.map(name);
  const where = `${xLabel ?? "x"} ${xs[first.column]}, ${yLabel ?? "y"} ${ys[first.row]}`;
  const lost = cells.length - seen.length;
  const alt = `${capital(valueLabel)} from ${digits(low, 4)} to ${digits(high, 4)} for ${x.length} × ${y.length} settings; the ${best === "max" ? "largest" : "smallest"} at ${where}${lost > 0 ? `; ${count(lost, "value")} not finite` : ""}`;

  const drawing: Drawing = {
    title,
    alt,
    svg: (canvas) =>
      svg(canvas, {
        title,
        alt,
        xLabel,
        yLabel,
        width: canvas.width ?? width,
        height,
        legend: [digits(from, 4), `${digits(to, 4)}${to < high ? " and more" : ""}  ${valueLabel}`],
        xs,
        ys,
        cells,
        share: (v) => (Number.isFinite(v) && (scale === "linear" || v > 0) ? share(v) : Number.NaN),
        best: best === undefined ? undefined : first,
      }),
    text: () => {
      const room = Math.max(...xs.map((l) => l.length), 4);
      const gutter = Math.max(...ys.map((l) => l.length));
      const shade = (v: number) =>
        (Number.isFinite(v) ? SHADES[Math.min(4, Math.floor(share(v) * 5))]! : "×").repeat(room);
      return [
        ...(title === undefined ? [] : [title]),
        `${"".padStart(gutter)} │ ${xs.map((l) => l.padStart(room)).join(" ")}   ${xLabel ?? ""}`.trimEnd(),
        ...ys.map((l, i) => `${l.padStart(gutter)} │ ${values[i]!.map((v) => shade(num(v))).join(" ")}`.trimEnd()),
        `${valueLabel}: ${SHADES[0]} ${digits(from, 4)} … ${SHADES[4]} ${digits(to, 4)}${lost > 0 ? ", × not finite" : ""}`,
        ...(best === undefined ? [] : [`best: ${digits(first.value, 4)} at ${where}`]),
      ].join("\n");
    },
    table: () => ({
      columns: [yLabel ?? "", ...xs.map((l) => (xLabel === undefined ? l : `${xLabel} ${l}`))],
      rows: values.map((row, i) => [ys[i]!, ...row.map(num)]),
    }),
  };
  return new Figure(drawing);
}

interface Field {
  readonly title: string | undefined;
  readonly alt: string;
  readonly xLabel: string | undefined;
  readonly yLabel: string | undefined;
  readonly width: number;
  readonly height: number | undefined;
  readonly legend: readonly [string, string];
  readonly xs: readonly string[];
  readonly ys: readonly string[];
  readonly cells: readonly Cell[];
  readonly share: (value: number) => number;
  readonly best: Cell | undefined;
}

function svg(canvas: Canvas, field: Field): SVGSVGElement {
  const { width, xs, ys, cells, share, best } = field;
  const { theme } = canvas;
  const font = fontSize(width);
  const marginLeft = Math.max(...ys.map((l) => textWidth(l, font))) + 24;
  const cellWidth = (width - marginLeft - 20) / xs.length;
  const every = Math.ceil(Math.max(...xs.map((l) => textWidth(l, font) + 8)) / cellWidth);
  const step = (c: Cell) => Math.min(theme.heat.length - 1, Math.floor(share(c.value) * theme.heat.length));
  const drawn = cells.filter((c) => !Number.isNaN(share(c.value)));
  const lost = cells.filter((c) => Number.isNaN(share(c.value)));
  const label = (c: Cell) => digits(c.value, 3);
  const numbers = Math.max(...drawn.map((c) => textWidth(label(c), 12))) + 6 < cellWidth;
  const rows = ys.map((_, i) => i);
  const columns = xs.map((_, i) => i);
  const height = Math.max(26, Math.min(56, cellWidth * 0.7));
  return draw(canvas, {
    title: field.title,
    alt: field.alt,
    width,
    height: field.height ?? { inner: height * ys.length },
    marginLeft,
    legend: [
      { label: "", colours: [], mark: "" },
      { label: `${field.legend[0]} to ${field.legend[1]}`, colours: theme.heat, mark: "■" },
    ].slice(1),
    x: {
      label: field.xLabel,
      scale: { type: "band", domain: columns, padding: 0 },
      ticks: columns.filter((i) => i % every === 0),
      format: (i) => xs[i]!,
    },
    y: { label: field.yLabel, scale: { type: "band", domain: rows, padding: 0 }, format: (i) => ys[i]! },
    marks: [
      Plot.cell(drawn, {
        x: "column",
        y: "row",
        inset: 1,
        fill: { value: (c: Cell) => theme.heat[step(c)]!, scale: null } as never,
      }),
      ...(numbers
        ? [
            Plot.text(drawn, {
              x: "column",
              y: "row",
              text: label,
              fontSize: 12,
              fontWeight: 500,
              fill: { value: (c: Cell) => (step(c) >= HEAT_TURNS ? theme.paper : theme.ink), scale: null } as never,
            }),
          ]
        : []),
      Plot.text(lost, { x: "column", y: "row", text: () => "×", fontSize: 15, fill: theme.muted }),
      ...(best === undefined
        ? []
        : [Plot.cell([best], { x: "column", y: "row", fill: "none", stroke: theme.series[1]!, strokeWidth: 2.5 })]),
    ],
  });
}
