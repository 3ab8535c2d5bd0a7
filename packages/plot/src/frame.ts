import * as Plot from "@observablehq/plot";
import type { Canvas } from "./drawing.js";
import type { Theme } from "./theme.js";

/** A name beside the colour that its line or area has. */
export interface LegendEntry {
  readonly label: string;
  readonly colour: string;
  /** Drawn beside the name, a dot unless given. */
  readonly mark?: string;
}

/** What stands along an axis. */
export interface Axis {
  readonly label?: string | undefined;
  readonly scale: Plot.ScaleOptions;
  /** About how many ticks, or which. */
  readonly ticks?: number | readonly number[];
  /** A d3-format specifier, or a function. */
  readonly format?: string | ((value: number) => string) | undefined;
  /** Lines across the picture at the ticks. */
  readonly grid?: boolean;
}

/** Everything around the marks of a chart: paper, title, legend, axes. */
export interface Frame {
  readonly title: string | undefined;
  readonly alt: string;
  readonly width: number;
  readonly height: number;
  readonly legend?: readonly LegendEntry[];
  readonly x: Axis;
  readonly y: Axis;
  readonly marginLeft?: number;
  readonly marginRight?: number;
  /** Further scales, such as colour or radius. */
  readonly scales?: Plot.PlotOptions;
  readonly marks: readonly Plot.Markish[];
}

export const FAMILY = `system-ui, -apple-system, "Segoe UI", Roboto, sans-serif`;

/** Text is a little smaller where there is little room. */
export const fontSize = (width: number): number => (width < 420 ? 13 : 15);

/** Draws with Observable Plot. */
export function draw(canvas: Canvas, frame: Frame): SVGSVGElement {
  const { title, width, height, x, y, marginLeft = 64, marginRight = 20 } = frame;
  const { theme } = canvas;
  const font = fontSize(width);
  const legend = legendRows(frame.legend ?? [], width, font);
  const titleHeight = title === undefined ? 0 : 30;
  // Above the marks, from the top: title, legend, and the y axis' label.
  const marginTop = (y.label === undefined ? 24 : 42) + titleHeight + legend.length * 24;
  const marginBottom = x.label === undefined ? 34 : 48;
  const heading = { frameAnchor: "top-left", textAnchor: "start", lineAnchor: "middle", fill: theme.ink } as const;
  const left = 14 - marginLeft;

  const svg = Plot.plot({
    document: canvas.document,
    width,
    height,
    marginTop,
    marginBottom,
    marginLeft,
    marginRight,
    ariaLabel: frame.alt,
    x: { ...x.scale, label: null },
    y: { ...y.scale, label: null },
    ...frame.scales,
    marks: [
      // The background as a shape: not every viewer honours a style's.
      Plot.frame({
        fill: theme.paper,
        stroke: "none",
        insetTop: -marginTop,
        insetBottom: -marginBottom,
        insetLeft: -marginLeft,
        insetRight: -marginRight,
      }),
      ...(y.grid ? [Plot.gridY({ ...ticks(y), stroke: theme.ink, strokeOpacity: 0.12 })] : []),
      ...(x.grid ? [Plot.gridX({ ...ticks(x), stroke: theme.ink, strokeOpacity: 0.12 })] : []),
      Plot.axisY({
        ...ticks(y),
        ...tickFormat(y),
        label: null,
        tickSize: 0,
        tickPadding: 8,
        fontSize: font,
        color: theme.muted,
      }),
      Plot.axisX({ ...ticks(x), ...tickFormat(x), label: null, tickSize: 5, fontSize: font, color: theme.muted }),
      // Plot would put the y axis' label above the title.
      ...(y.label === undefined
        ? []
        : [Plot.text([`↑ ${y.label}`], { ...heading, dx: left, dy: -23, fontSize: font })]),
      ...(x.label === undefined
        ? []
        : [
            Plot.text([`${x.label} →`], {
              frameAnchor: "bottom-right",
              lineAnchor: "bottom",
              fill: theme.ink,
              dy: marginBottom - 6,
              dx: marginRight - 6,
              fontSize: font,
            }),
          ]),
      ...(title === undefined
        ? []
        : [
            Plot.text([title], {
              ...heading,
              dx: left,
              dy: -marginTop + 24,
              fontSize: font + 3,
              fontWeight: 600,
              textOverflow: "ellipsis",
              lineWidth: (0.85 * (width - 28)) / (font + 3),
            }),
          ]),
      ...legend.flatMap((row, r) =>
        row.flatMap(({ label, colour, mark = "●", at }) => {
          const place = { ...heading, dy: -marginTop + titleHeight + 20 + r * 24, fontSize: font };
          return [
            Plot.text([mark], { ...place, fill: colour, dx: at - marginLeft }),
            Plot.text([label], { ...place, dx: at - marginLeft + 17 }),
          ];
        }),
      ),
      ...frame.marks,
    ],
  }) as SVGSVGElement;
  return dress(svg, theme);
}

/** The picture's letters and ink, as every viewer understands them; and to a screen reader it is one picture. */
export function dress(svg: SVGSVGElement, theme: Theme): SVGSVGElement {
  svg.setAttribute("role", "img");
  svg.setAttribute("font-family", FAMILY);
  svg.setAttribute("style", `color:${theme.ink};background:${theme.paper}`);
  return svg;
}

const ticks = ({ ticks }: Axis) => (ticks === undefined ? {} : { ticks: ticks as number | number[] });

const tickFormat = ({ format }: Axis) => (format === undefined ? {} : { tickFormat: format });

/** Names side by side, in as many rows as the width needs. Without a page nothing can measure text, so widths are guessed. */
function legendRows(entries: readonly LegendEntry[], width: number, font: number) {
  const rows: (LegendEntry & { at: number })[][] = [];
  let at = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    const needs = 17 + entry.label.length * font * 0.62 + 22;
    if (at + needs > width && (at > 14 || rows.length === 0)) {
      rows.push([]);
      at = 14;
    }
    rows.at(-1)!.push({ ...entry, at });
    at += needs;
  }
  return rows;
}
