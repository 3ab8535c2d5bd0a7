import * as Plot from "@observablehq/plot";
import type { PlotOptions } from "./figure.js";
import { countsUp, type Series, span, thin, tickFormat } from "./series.js";

/** How the SVG is made for a place. */
export interface SVGOptions {
  /** In CSS pixels; instead of the figure's own width. */
  readonly width?: number;
  /** Show the values under the pointer. Needs a real page. */
  readonly tip?: boolean;
}

/** Okabe and Ito's colours, which people with any kind of colour vision can tell apart; the lightest are left out. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#4b5563"] as const;
const INK = "#1f2933";
const PAPER = "#ffffff";
const FONT = 15;

/** The colour of the `i`-th series; they repeat after six. */
export function colourOf(i: number): string {
  return COLOURS[i % COLOURS.length]!;
}

/** Draws with Observable Plot. */
export function drawSVG(
  series: readonly Series[],
  options: PlotOptions,
  document: Document,
  place: SVGOptions,
): SVGSVGElement {
  const { title, xLabel, yLabel, yScale = "linear", height = 400 } = options;
  const width = place.width ?? options.width ?? 640;
  const legend = series.length > 1 || series[0]!.name !== undefined ? legendRows(series, width) : [];
  const side = { left: 64, right: 20 };
  const titleHeight = title === undefined ? 0 : 30;
  // Above the frame, from the top: title, legend, and the y axis' label.
  const marginTop = (yLabel === undefined ? 24 : 42) + titleHeight + legend.length * 24;
  const marginBottom = xLabel === undefined ? 34 : 48;

  const heading = { frameAnchor: "top-left", textAnchor: "start", lineAnchor: "middle", fill: INK } as const;
  const points = series.flatMap((s, i) => {
    const { x, y } = thin(s, width);
    return x.map((v, j) => ({ x: v, y: y[j]!, series: s.name ?? "", i }));
  });
  const line = { x: "x", y: "y", z: "i" } as const;
  const yDomain = span(
    series.flatMap((s) => s.y),
    yScale,
  );
  const yFormat = tickFormat(yDomain, yScale);
  const longest = Math.max(...series.map((s) => s.x.length));
  // d3 gives no more ticks than it is asked for, so a count up to the last index gives whole epochs only.
  const xTicks = countsUp(series) ? Math.max(1, Math.min(longest - 1, width / 90)) : width / 90;
  const yTicks = Math.max(2, (height - marginTop - marginBottom) / 55);

  return Plot.plot({
    document,
    width,
    height,
    marginTop,
    marginBottom,
    marginLeft: side.left,
    marginRight: side.right,
    ariaLabel: title ?? [yLabel ?? "values", xLabel ?? "index"].join(" against "),
    style: `font: ${FONT}px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: ${INK}; background: ${PAPER};`,
    x: { label: xLabel ?? null },
    // On a log scale the next round number is ten times further, so nothing is rounded there.
    y: { label: null, type: yScale, domain: yDomain, nice: yScale === "linear" },
    color: { domain: series.map((_, i) => i), range: series.map((_, i) => colourOf(i)) },
    marks: [
      // The background as a shape too: not every viewer honours a style's background.
      Plot.frame({
        fill: PAPER,
        stroke: "none",
        insetTop: -marginTop,
        insetBottom: -marginBottom,
        insetLeft: -side.left,
        insetRight: -side.right,
      }),
      Plot.gridY({ ticks: yTicks, stroke: INK, strokeOpacity: 0.12 }),
      Plot.axisY({
        label: null,
        ticks: yTicks,
        tickSize: 0,
        tickPadding: 8,
        fontSize: FONT,
        ...(yFormat === undefined ? {} : { tickFormat: yFormat }),
      }),
      Plot.axisX({ label: xLabel ?? null, ticks: xTicks, tickSize: 5, fontSize: FONT, labelOffset: marginBottom - 6 }),
      // Plot would put this label above the title.
      ...(yLabel === undefined
        ? []
        : [Plot.text([`↑ ${yLabel}`], { ...heading, dx: -side.left + 14, dy: -23, fontSize: FONT })]),
      ...(title === undefined
        ? []
        : [
            Plot.text([title], {
              ...heading,
              dx: -side.left + 14,
              dy: -marginTop + 24,
              fontSize: FONT + 3,
              fontWeight: 600,
              textOverflow: "ellipsis",
              lineWidth: (0.85 * (width - 28)) / (FONT + 3),
            }),
          ]),
      ...legend.flatMap((row, r) =>
        row.flatMap(({ label, i, left }) => {
          const dy = -marginTop + titleHeight + 20 + r * 24;
          return [
            Plot.text(["●"], { ...heading, fill: colourOf(i), dx: left - side.left, dy, fontSize: FONT }),
            Plot.text([label], { ...heading, dx: left - side.left + 17, dy, fontSize: FONT }),
          ];
        }),
      ),
      Plot.lineY(points, { ...line, stroke: "i", strokeWidth: 2.25, strokeLinejoin: "round", strokeLinecap: "round" }),
      // A point between two gaps has no line to be seen by.
      Plot.dot(lonely(points), { x: "x", y: "y", fill: "i", r: 2.5 }),
      ...(place.tip
        ? [
            Plot.ruleX(points, Plot.pointerX({ x: "x", stroke: INK, strokeOpacity: 0.25 })),
            Plot.tip(points, Plot.pointerX({ ...line, stroke: "i", format: { z: false, stroke: false } })),
          ]
        : []),
    ],
  }) as SVGSVGElement;
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

interface LegendEntry {
  readonly label: string;
  readonly i: number;
  readonly left: number;
}

/** Names side by side, in as many rows as the width needs. Without a page nothing can measure text, so widths are guessed. */
function legendRows(series: readonly Series[], width: number): LegendEntry[][] {
  const rows: LegendEntry[][] = [[]];
  let left = 14;
  series.forEach(({ name }, i) => {
    const label = name ?? "";
    const needs = 17 + label.length * FONT * 0.62 + 22;
    if (left > 14 && left + needs > width) {
      rows.push([]);
      left = 14;
    }
    rows[rows.length - 1]!.push({ label, i, left });
    left += needs;
  });
  return rows;
}
