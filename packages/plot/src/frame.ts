import * as Plot from "@observablehq/plot";
import type { Canvas } from "./drawing.js";
import { shorten } from "./numbers.js";
import type { Theme } from "./theme.js";

/** A name beside the colour, or the scale of colours, that its marks have. */
export interface LegendEntry {
  readonly label: string;
  readonly colours: readonly string[];
  /** Drawn beside the name, a dot unless given. */
  readonly mark?: string;
}

/** What stands along an axis. */
export interface Axis {
  readonly label?: string | undefined;
  readonly scale?: Plot.ScaleOptions;
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
  /** Of the whole, or of the part where the marks are. */
  readonly height: number | { readonly inner: number };
  readonly legend?: readonly LegendEntry[];
  readonly x?: Axis;
  readonly y?: Axis;
  /** Smaller letters and margins, for one of several pictures in one. */
  readonly small?: boolean;
  /** At the right end of the title's line. */
  readonly remark?: string | undefined;
  readonly marginLeft?: number;
  readonly marginRight?: number;
  /** Further scales, such as colour or radius. */
  readonly scales?: Plot.PlotOptions;
  readonly marks: readonly Plot.Markish[];
}

export const FAMILY = `system-ui, -apple-system, "Segoe UI", Roboto, sans-serif`;

// Without a page nothing can measure text, so widths are guessed: this share of the font's size for each character.
const CHARACTER = 0.62;

/** How wide a text is, about. */
export const textWidth = (text: string, size: number): number => text.length * size * CHARACTER;

/** Text is a little smaller where there is little room. */
export const fontSize = (width: number): number => (width < 420 ? 13 : 15);

/** Draws with Observable Plot. */
export function draw(canvas: Canvas, frame: Frame): SVGSVGElement {
  const { width, x, y, small = false, remark } = frame;
  const { theme } = canvas;
  const title = canvas.bare ? undefined : frame.title;
  const font = small ? 12 : fontSize(width);
  const titleFont = small ? 13 : font + 3;
  const { marginLeft = small ? 48 : 64, marginRight = small ? 12 : 20 } = frame;
  const edge = small ? 2 : 14;
  const rowHeight = small ? 18 : 24;

  // Above the marks, from the top: title, legend, and the y axis' label.
  const legend = legendRows(frame.legend ?? [], width, edge, font);
  const titleHeight = title === undefined ? 0 : small ? 20 : 30;
  const above = titleHeight + legend.length * rowHeight;
  // Without axes the marks go to the edges.
  const marginTop = above + (y === undefined ? (above > 0 ? 10 : 0) : y.label === undefined ? (small ? 8 : 24) : 42);
  const marginBottom = x === undefined ? 0 : x.label === undefined ? (small ? 22 : 34) : 48;
  const height = typeof frame.height === "number" ? frame.height : frame.height.inner + marginTop + marginBottom;
  const heading = { frameAnchor: "top-left", textAnchor: "start", lineAnchor: "middle", fill: theme.ink } as const;
  const left = edge - marginLeft;
  const titleRoom = width - 2 * edge - (remark === undefined ? 0 : textWidth(remark, font) + 12);

  const svg = Plot.plot({
    document: canvas.document,
    width,
    height,
    marginTop,
    marginBottom,
    marginLeft,
    marginRight,
    ariaLabel: frame.alt,
    x: { ...x?.scale, label: null, axis: null },
    y: { ...y?.scale, label: null, axis: null },
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
      ...(y?.grid ? [Plot.gridY({ ...ticks(y), stroke: theme.ink, strokeOpacity: 0.12 })] : []),
      ...(x?.grid ? [Plot.gridX({ ...ticks(x), stroke: theme.ink, strokeOpacity: 0.12 })] : []),
      ...(y === undefined ? [] : [Plot.axisY({ ...axis(y, theme, font), tickSize: 0, tickPadding: small ? 5 : 8 })]),
      ...(x === undefined ? [] : [Plot.axisX({ ...axis(x, theme, font), tickSize: small ? 4 : 5 })]),
      // Plot would put the y axis' label above the title.
      ...(y?.label === undefined
        ? []
        : [
            Plot.text([y.scale?.type === "band" ? y.label : `↑ ${y.label}`], {
              ...heading,
              dx: left,
              dy: -23,
              fontSize: font,
            }),
          ]),
      ...(x?.label === undefined
        ? []
        : [
            Plot.text([x.scale?.type === "band" ? x.label : `${x.label} →`], {
              frameAnchor: "bottom-right",
              lineAnchor: "bottom",
              fill: theme.ink,
              dx: marginRight - 6,
              dy: marginBottom - 6,
              fontSize: font,
            }),
          ]),
      ...(title === undefined
        ? []
        : [
            Plot.text([shorten(title, Math.floor(titleRoom / (titleFont * CHARACTER)))], {
              ...heading,
              dx: left,
              dy: -marginTop + (small ? 10 : 24),
              fontSize: titleFont,
              fontWeight: 600,
            }),
          ]),
      ...(remark === undefined
        ? []
        : [
            Plot.text([remark], {
              ...heading,
              frameAnchor: "top-right",
              textAnchor: "end",
              fill: theme.muted,
              dx: marginRight - edge,
              dy: -marginTop + (small ? 10 : 24),
              fontSize: font,
            }),
          ]),
      ...legend.flatMap((row, r) =>
        row.flatMap(({ label, colours, mark = "●", at }) => {
          const place = { ...heading, dy: -marginTop + titleHeight + (small ? 8 : 20) + r * rowHeight, fontSize: font };
          const step = font * 0.9;
          return [
            ...colours.map((fill, i) => Plot.text([mark], { ...place, fill, dx: at - marginLeft + i * step })),
            Plot.text([label], { ...place, dx: at - marginLeft + colours.length * step + 4 }),
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
  // The library labels its groups for screen readers, which must not have labels within a picture that has one.
  for (const part of [...svg.getElementsByTagName("*")]) {
    const label = part.getAttribute("aria-label");
    if (label === null) continue;
    part.removeAttribute("aria-label");
    part.setAttribute("data-part", label);
  }
  svg.setAttribute("role", "img");
  svg.setAttribute("font-family", FAMILY);
  svg.setAttribute("style", `color:${theme.ink};background:${theme.paper}`);
  return svg;
}

const ticks = ({ ticks }: Axis) => (ticks === undefined ? {} : { ticks: ticks as number | number[] });

const axis = ({ ticks, format }: Axis, theme: Theme, fontSize: number) => ({
  ...(ticks === undefined ? {} : { ticks: ticks as number | number[] }),
  ...(format === undefined ? {} : { tickFormat: format }),
  label: null,
  color: theme.muted,
  fontSize,
});

/** Names side by side, in as many rows as the width needs. */
function legendRows(entries: readonly LegendEntry[], width: number, edge: number, font: number) {
  const rows: (LegendEntry & { at: number })[][] = [];
  let at = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    const needs = entry.colours.length * font * 0.9 + 4 + textWidth(entry.label, font) + 18;
    if (at + needs > width && (at > edge || rows.length === 0)) {
      rows.push([]);
      at = edge;
    }
    rows.at(-1)!.push({ ...entry, at });
    at += needs;
  }
  return rows;
}
