import * as Plot from "@observablehq/plot";
import type { Canvas, Drawing, Table, TextOptions } from "./drawing.js";
import { draw } from "./frame.js";
import { counts, extent, type Series, span, thin, tickFormat } from "./series.js";
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
  const line = { x: "x", y: "y", z: "i" } as const;
  const firm = firmOf(curves);
  const yDomain = span(
    firm.flatMap((c) => c.y),
    yScale,
  );
  const longest = Math.max(...firm.map((c) => c.x.length));
  // d3 gives no more ticks than it is asked for, so a count up to the last index gives whole epochs only.
  const xTicks = counts(firm) ? Math.max(1, Math.min(longest - 1, width / 90)) : width / 90;
  const all = points.flat();
  const [left, right] = extent(all.filter((p) => !Number.isNaN(p.y)).map((p) => p.x));

  return draw(canvas, {
    title: spec.title,
    alt: spec.alt,
    width,
    height,
    legend: named
      ? curves.map((c, i) => ({ label: c.name ?? "", colour: colours[i]!, ...(c.dashed ? { mark: "┅" } : {}) }))
      : [],
    // One x alone gets room on both sides.
    x: {
      label: spec.xLabel,
      scale: left < right ? {} : { domain: [left - 1, left + 1] },
      ticks: left < right ? xTicks : [left],
    },
    y: {
      label: spec.yLabel,
      // On a log scale the next round number is ten times further, so nothing is rounded there.
      scale: { type: yScale, domain: yDomain, nice: yScale === "linear", clamp: firm.length < curves.length },
      ticks: Math.max(2, (height - 130) / 55),
      format: tickFormat(yDomain, yScale),
      grid: true,
    },
    scales: { color: { domain: curves.map((_, i) => i), range: colours } },
    marks: [
      ...curves.map((c, i) =>
        Plot.lineY(points[i]!, {
          ...line,
          stroke: "i",
          strokeWidth: c.faint ? 1 : 2.25,
          strokeOpacity: c.faint ? 0.35 : 1,
          strokeLinejoin: "round",
          strokeLinecap: "round",
          ...(c.dashed ? { strokeDasharray: "5 5" } : {}),
        }),
      ),
      // A point between two gaps has no line to be seen by.
      Plot.dot(lonely(all), { x: "x", y: "y", fill: "i", r: 3 }),
      ...notes.flatMap((note) => {
        const end = left + (right - left) * 0.6 < note.x;
        return [
          Plot.ruleX([note], { x: "x", stroke: theme.ink, strokeOpacity: 0.45, strokeDasharray: "2 4" }),
          Plot.dot([note], { x: "x", y: "y", r: 5, fill: theme.paper, stroke: theme.ink, strokeWidth: 2 }),
          Plot.text([note], {
            x: "x",
            text: "label",
            frameAnchor: "top",
            textAnchor: end ? "end" : "start",
            dx: end ? -8 : 8,
            dy: 9,
            fill: theme.ink,
            stroke: theme.paper,
            strokeWidth: 4,
            fontSize: 13,
          }),
        ];
      }),
      ...(canvas.tip
        ? [
            Plot.ruleX(all, Plot.pointerX({ x: "x", stroke: theme.ink, strokeOpacity: 0.25 })),
            Plot.tip(all, Plot.pointerX({ ...line, stroke: "i", format: { z: false, stroke: false } })),
          ]
        : []),
    ],
  });
}

interface Point {
  readonly x: number;
  readonly y: number;
  readonly i: number;
}

function lonely<P extends Point>(points: readonly P[]): P[] {
  const seen = (p: P | undefined, i: number) => p !== undefined && p.i === i && !Number.isNaN(p.x + p.y);
  return points.filter((p, k) => seen(p, p.i) && !seen(points[k - 1], p.i) && !seen(points[k + 1], p.i));
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
