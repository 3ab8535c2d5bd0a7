import * as Plot from "@observablehq/plot";
import type { Drawing } from "../drawing.js";
import { Figure } from "../figure.js";
import { draw } from "../frame.js";
import { count, digits } from "../numbers.js";
import { type ChartOptions, checkSize, plainOptions } from "../options.js";
import { extent, plain, tickFormat } from "../series.js";
import { colourOf } from "../theme.js";
import { clip, type Point, type Rectangle } from "./clip.js";

/** Where an optimizer went. */
export interface Path {
  readonly name: string;
  readonly points: readonly Point[];
  /** Words beside the path, in its colour and beginning at this place; a path without them is named in a legend. */
  readonly note?: { readonly text: string; readonly at: Point };
}

/** What part of a function is drawn, and what went over it. */
export interface ContourOptions extends ChartOptions {
  readonly xRange: readonly [number, number];
  readonly yRange: readonly [number, number];
  readonly paths?: readonly Path[];
  /** Marked with a star. */
  readonly minimum?: Point;
  /** Heights of the lines, or how many there are (12 unless given): closer together near the bottom. */
  readonly levels?: number | readonly number[];
  readonly xLabel?: string;
  readonly yLabel?: string;
  /** Axes and their numbers; drawn unless false. */
  readonly axes?: boolean;
}

const GRID = 60;
const SHADES = " ·:-=+*#%@";
const MARKS = "•+ox*#";

/**
 * The heights of a function of two numbers as contour lines, and over them the ways that optimizers took, each from its start, with
 * a dot for each step.
 *
 * ```ts
 * contour((x, y) => x ** 2 + 50 * y ** 2, { xRange: [-10, 2], yRange: [-2, 2], paths: [{ name: "RMSprop", points }] }).show();
 * ```
 */
export function contour(f: (x: number, y: number) => number, options: ContourOptions): Figure {
  checkSize("contour", options);
  const { xRange, yRange, paths: given = [], minimum, axes = true } = options;
  for (const [name, range] of Object.entries({ xRange, yRange })) {
    if (!(Number.isFinite(range[0]) && Number.isFinite(range[1]) && range[0] < range[1])) {
      throw new RangeError(`contour: ${name} is [${range.join(", ")}]; it must be two numbers, the smaller first`);
    }
  }
  const { title, xLabel, yLabel, width = 640, height } = plainOptions(options);
  const paths = given.map((p) => ({ ...p, name: plain(p.name) }));
  const across = (i: number, [from, to]: readonly [number, number], n: number) => from + ((to - from) * i) / n;
  const heights = Array.from({ length: (GRID + 1) ** 2 }, (_, i) =>
    f(across(i % (GRID + 1), xRange, GRID), across(Math.floor(i / (GRID + 1)), yRange, GRID)),
  ).filter(Number.isFinite);
  if (heights.length === 0) throw new RangeError("contour: the function is nowhere finite in this range");
  const [low, high] = extent(heights);
  const levels = levelsOf(options.levels ?? 12, low, high);
  const box: Rectangle = { x: xRange, y: yRange };

  const ends = paths.map(({ name, points }) => {
    const [x, y] = points.at(-1) ?? [Number.NaN, Number.NaN];
    return `${name} is at ${digits(x, 3)}, ${digits(y, 3)} after ${count(Math.max(0, points.length - 1), "step")}`;
  });
  const alt = `Contour lines of a function, ${digits(low, 3)} at its lowest here and ${digits(high, 3)} at its highest${ends.length > 0 ? `; ${ends.join("; ")}` : ""}`;
  const drawing: Drawing = {
    title,
    alt,
    svg: (canvas) => {
      const { theme } = canvas;
      const w = canvas.width ?? width;
      const bare = { marginLeft: 0, marginRight: 0 };
      const scaleOf = (range: readonly [number, number]) => ({ domain: [...range], nice: false });
      return draw(canvas, {
        title,
        alt,
        width: w,
        height: height ?? { inner: (w - (axes ? 84 : 28)) * 0.58 },
        legend: paths.flatMap((p, i) => (p.note ? [] : [{ label: p.name, colours: [colourOf(theme, i)] }])),
        ...(axes
          ? {
              x: { label: xLabel, scale: scaleOf(xRange), ticks: w / 90, format: tickFormat(xRange, "linear") },
              y: { label: yLabel, scale: scaleOf(yRange), ticks: 5, format: tickFormat(yRange, "linear") },
            }
          : bare),
        scales: {
          ...(axes ? {} : { x: { ...scaleOf(xRange), axis: null }, y: { ...scaleOf(yRange), axis: null } }),
          // The walls stay pale enough for the ways over them.
          color: { type: "threshold", domain: levels, range: shades(theme.heat.slice(0, 5), levels.length + 1) },
        },
        marks: [
          Plot.contour({
            fill: f,
            stroke: theme.ink,
            strokeOpacity: 0.22,
            strokeWidth: 0.8,
            thresholds: [low - 1, ...levels],
            pixelSize: 8,
            x1: xRange[0],
            y1: yRange[0],
            x2: xRange[1],
            y2: yRange[1],
          }),
          // The first is on top.
          ...[...paths].reverse().flatMap(({ points }, back) => {
            const colour = colourOf(theme, paths.length - 1 - back);
            const line = clip(points, box);
            const dots = points.filter(([x, y]) => within(x, xRange) && within(y, yRange));
            return [
              Plot.line(line, { stroke: theme.paper, strokeWidth: 5, strokeOpacity: 0.75, strokeLinejoin: "round" }),
              Plot.line(line, { stroke: colour, strokeWidth: 2.25, strokeLinejoin: "round" }),
              Plot.dot(dots, { fill: colour, r: dots.length > 200 ? 1.5 : 2.8 }),
              Plot.dot(dots.slice(0, 1), { fill: theme.ink, stroke: theme.paper, strokeWidth: 1.5, r: 5.5 }),
            ];
          }),
          ...paths.flatMap(({ note }, i) =>
            note === undefined
              ? []
              : [
                  Plot.text([note.at], {
                    text: () => plain(note.text),
                    textAnchor: "start",
                    fill: colourOf(theme, i),
                    stroke: theme.paper,
                    strokeWidth: 5,
                    fontSize: 17,
                    fontWeight: 600,
                  }),
                ],
          ),
          ...(minimum === undefined
            ? []
            : [Plot.dot([minimum], { symbol: "star", r: 7, fill: theme.ink, stroke: theme.paper, strokeWidth: 1.5 })]),
        ],
      });
    },
    text: ({ columns = 80, rows = 20 }) => {
      const [w, h] = [Math.max(30, columns), Math.max(8, rows) - 2];
      const field = Array.from({ length: h }, (_, r) =>
        Array.from({ length: w }, (_, c) => {
          const value = f(across(c + 0.5, xRange, w), across(h - r - 0.5, yRange, h));
          const level = Number.isFinite(value) ? levels.filter((t) => t <= value).length : levels.length;
          return SHADES[Math.floor((level / (levels.length + 1)) * SHADES.length)]!;
        }),
      );
      paths.forEach(({ points }, i) => {
        for (const [x, y] of points) {
          const c = Math.floor(((x - xRange[0]) / (xRange[1] - xRange[0])) * w);
          const r = h - 1 - Math.floor(((y - yRange[0]) / (yRange[1] - yRange[0])) * h);
          if (field[r]?.[c] !== undefined) field[r][c] = MARKS[i % MARKS.length]!;
        }
      });
      const legend = paths.map((p, i) => `${MARKS[i % MARKS.length]} ${p.name}`).join("   ");
      return [
        ...(title === undefined ? [] : [title]),
        ...(legend ? [legend] : []),
        ...field.map((r) => r.join("").trimEnd()),
      ].join("\n");
    },
    table: () => ({
      columns: ["Path", "Step", "x", "y", "Height"],
      rows: paths.flatMap((p) => p.points.map(([x, y], i) => [p.name, i, x, y, f(x, y)])),
    }),
  };
  return new Figure(drawing);
}

const within = (v: number, [low, high]: readonly [number, number]) => v >= low && v <= high;

/** Where the contour lines lie: as given, or closer together towards the bottom, where optimizers end. */
function levelsOf(levels: number | readonly number[], low: number, high: number): number[] {
  if (typeof levels !== "number") return [...levels].sort((a, b) => a - b);
  if (!(high > low)) return [low];
  return Array.from({ length: levels }, (_, i) => low + (high - low) * ((i + 1) / (levels + 1)) ** 2.5);
}

/** As many colours as are needed from a few. */
const shades = (colours: readonly string[], n: number) =>
  Array.from({ length: n }, (_, i) => colours[Math.round((i / Math.max(1, n - 1)) * (colours.length - 1))]!);
