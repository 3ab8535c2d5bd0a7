import * as Plot from "@observablehq/plot";
import type { Canvas, Drawing, Table, TextOptions } from "./drawing.js";
import { draw, textWidth } from "./frame.js";
import { counts, extent, logTicks, type Series, span, thin, tickFormat } from "./series.js";
import { drawText } from "./terminal.js";
import { colourOf } from "./theme.js";

/** A line of a chart and how it is drawn. */
export interface Curve extends Series {
  /** Drawn thin and pale behind the others, as what is measured at every step is; it does not stretch the y axis. */
  readonly faint?: boolean;
  readonly dashed?: boolean;
  /** Which colour of the theme; its place among the curves unless given. */
  readonly colour?: number;
}

/** A point with something to say. */
export interface Note {
  readonly x: number;
  readonly y: number;
  readonly label: string;
}

/** Lines over one x axis: what `plot`, the curves of a run and the comparison of runs draw. */
export interface Curves {
  readonly curves: readonly Curve[];
  readonly title?: string | undefined;
  readonly alt?: string;
  readonly xLabel?: string | undefined;
  readonly yLabel?: string | undefined;
  readonly yScale?: "linear" | "log";
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly notes?: readonly Note[];
  /** Rows of the table behind the picture; one for each x unless given. */
  readonly table?: Table;
}

export function drawCurves(spec: Curves): Drawing {
  const { curves, title, xLabel, yLabel, notes = [] } = spec;
  const alt = spec.alt ?? title ?? [yLabel ?? "values", xLabel ?? "index"].join(" against ");
  return {
    title,
    alt,
    svg: (canvas) => svg({ ...spec, alt }, canvas),
    text: (options: TextOptions) =>
      [drawText(firmOf(curves), spec, options), ...notes.map(({ label }) => `◆ ${label}`)].join("\n"),
    table: () => spec.table ?? tableOf(curves, xLabel ?? "index"),
  };
}

/** The curves that the picture is about; the faint ones only if there are no others. */
function firmOf(curves: readonly Curve[]): readonly Curve[] {
  const firm = curves.filter((c) => !c.faint);
  return firm.length > 0 ? firm : curves;
}

function svg(spec: Curves & { readonly alt: string }, canvas: Canvas): SVGSVGElement {
  const { curves, yScale = "linear", height = 400, notes = [] } = spec;
  const { theme } = canvas;
  const width = canvas.width ?? spec.width ?? 640;
  const colours = curves.map((c, i) => colourOf(theme, c.colour ?? i));
  const named = curves.length > 1 || curves[0]!.name !== undefined;

  const points = curves.map((c, i) => {
    const { x, y } = thin(c, width);
    return x.map((v, j) => ({ x: v, y: y[j]!, series: c.name ?? "", i }));
  });
  const all = points.flat();
  const firm = firmOf(curves);
  const yDomain = span(
    [...firm, ...curves.filter((c) => c.faint).map(middle)].flatMap((c) => c.y),
    yScale,
  );
  const longest = Math.max(...firm.map((c) => c.x.length));
  // d3 gives no more ticks than it is asked for, so a count up to the last index gives whole epochs only.
  const xTicks = counts(firm) ? Math.max(1, Math.min(longest - 1, width / 90)) : width / 90;
  const yTicks = Math.max(2, (height - 130) / 55);
  const [left, right] = extent(all.filter((p) => !Number.isNaN(p.y)).map((p) => p.x));
  const alone = left === right;

  return draw(canvas, {
    title: spec.title,
    alt: spec.alt,
    width,
    height,
    legend: named
      ? curves.map((c, i) => ({
          label: c.name ?? "",
          colours: [colours[i]!],
          ...(c.faint ? { mark: "○" } : c.dashed ? { mark: "┅" } : {}),
        }))
      : [],
    // One x alone gets room on both sides.
    x: { label: spec.xLabel, scale: alone ? { domain: [left - 1, left + 1] } : {}, ticks: alone ? [left] : xTicks },
    y: {
      label: spec.yLabel,
      // On a log scale the next round number is ten times further, so nothing is rounded there.
      scale: { type: yScale, domain: yDomain, nice: yScale === "linear", clamp: firm.length < curves.length },
      ticks: yScale === "log" ? logTicks(yDomain, yTicks) : yTicks,
      format: tickFormat(yDomain, yScale),
      grid: true,
    },
    marks: [
      ...behind(curves).map(({ c, i }) =>
        Plot.lineY(points[i]!, {
          x: "x",
          y: "y",
          stroke: colours[i]!,
          strokeWidth: c.faint ? 1 : 2.25,
          strokeOpacity: c.faint ? 0.28 : 1,
          strokeLinejoin: "round",
          strokeLinecap: "round",
          ...(c.dashed ? { strokeDasharray: "5 5" } : {}),
        }),
      ),
      // A point between two gaps has no line to be seen by.
      ...points.map((p, i) => Plot.dot(lonely(p), { x: "x", y: "y", fill: colours[i]!, r: 3 })),
      ...notes.flatMap((note) => {
        const place = 64 + ((note.x - left) / (right - left || 1)) * (width - 84);
        const end = place + textWidth(note.label, 12) + 8 > width;
        return [
          Plot.ruleX([note], { x: "x", stroke: theme.ink, strokeOpacity: 0.45, strokeDasharray: "2 4" }),
          Plot.dot([note], { x: "x", y: "y", r: 5, fill: theme.paper, stroke: theme.ink, strokeWidth: 2 }),
          Plot.text([note], {
            x: "x",
            text: "label",
            frameAnchor: "top",
            lineAnchor: "bottom",
            textAnchor: end ? "end" : "start",
            dx: end ? 6 : -6,
            dy: -4,
            fill: theme.ink,
            fontSize: 12,
          }),
        ];
      }),
      ...(canvas.tip
        ? [
            Plot.ruleX(all, Plot.pointerX({ x: "x", stroke: theme.ink, strokeOpacity: 0.25 })),
            Plot.tip(all, Plot.pointerX({ x: "x", y: "y", channels: { series: "series" } })),
          ]
        : []),
    ],
  });
}

/** The curves in the order in which they are drawn: the faint ones first. */
function behind(curves: readonly Curve[]): { c: Curve; i: number }[] {
  return curves.map((c, i) => ({ c, i })).sort((a, b) => Number(b.c.faint ?? false) - Number(a.c.faint ?? false));
}

/** A curve without its highest and lowest twentieths: what noise is given of the axis. */
function middle({ name, x, y }: Curve): Series {
  const sorted = y.filter((v) => !Number.isNaN(v)).sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.floor(q * (sorted.length - 1))]!;
  return { name, x, y: sorted.length === 0 ? [] : [at(0.05), at(0.95)] };
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function lonely<P extends Point>(points: readonly P[]): P[] {
  const seen = (p: P | undefined) => p !== undefined && !Number.isNaN(p.x + p.y);
  return points.filter((p, k) => seen(p) && !seen(points[k - 1]) && !seen(points[k + 1]));
}

/** One row for each x, one column for each curve. */
function tableOf(curves: readonly Curve[], x: string): Table {
  const rows = new Map<number, (string | number)[]>();
  curves.forEach((curve, i) => {
    curve.x.forEach((v, j) => {
      if (!rows.has(v)) rows.set(v, [v, ...curves.map(() => "")]);
      rows.get(v)![i + 1] = curve.y[j]!;
    });
  });
  return {
    columns: [x, ...curves.map((c, i) => c.name ?? (curves.length === 1 ? "value" : `series ${i + 1}`))],
    rows: [...rows.values()].sort((a, b) => (a[0] as number) - (b[0] as number)),
  };
}
