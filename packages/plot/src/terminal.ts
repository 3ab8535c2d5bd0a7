import { scaleLinear, scaleLog } from "d3-scale";
import { type Color, plot as draw } from "simple-ascii-chart";
import type { TextOptions } from "./drawing.js";
import { counts, extent, type Series, span, tickFormat } from "./series.js";

const COLOURS: readonly Color[] = ["ansiBlue", "ansiYellow", "ansiGreen", "ansiMagenta", "ansiCyan", "ansiRed"];
const CODES: readonly number[] = [34, 33, 32, 35, 36, 31];
const MARKS = ["•", "+", "o", "x", "*", "#"] as const;
const STROKES = { we: "─", wns: "╮", ns: "│", nse: "╰", wsn: "╯", sne: "╭" } as const;

/** What is written around the lines. */
export interface Labels {
  readonly title?: string | undefined;
  readonly xLabel?: string | undefined;
  readonly yLabel?: string | undefined;
  readonly yScale?: "linear" | "log";
}

/** Draws with simple-ascii-chart; d3-scale chooses the ticks. */
export function drawText(series: readonly Series[], options: Labels, size: TextOptions): string {
  const { title, xLabel, yLabel, yScale = "linear" } = options;
  const { color = false } = size;
  const columns = Math.max(30, Math.floor(size.columns ?? 80));
  const named = series.length > 1 || series[0]!.name !== undefined;
  const heading = [title, yLabel === title ? undefined : yLabel].filter((line) => line !== undefined);
  if (named) heading.push(legend(series, color));

  const rows = Math.max(8, Math.floor(size.rows ?? 20));
  const height = Math.max(4, rows - heading.length - (xLabel === undefined ? 2 : 3));
  const y = yTicks(
    span(
      series.flatMap((s) => s.y),
      yScale,
    ),
    yScale,
    Math.max(2, Math.round(height / 3)),
  );
  const gutter = Math.max(...[...y.labels.values()].map((label) => label.length));
  const width = Math.max(10, columns - gutter - 4);
  const x = xTicks(extent(series.flatMap((s) => s.x)), Math.max(2, Math.round(width / 14)), counts(series));

  // A gap ends a line: what follows it is drawn as a line of its own in the same dress.
  const pieces = series.flatMap((s, i) => unbroken(perColumn(s, y.place, width)).map((points) => ({ points, i })));
  let piece = -1;
  const chart = draw(
    pieces.map(({ points }) => points),
    {
      width,
      height,
      yRange: [y.place(y.domain[0]), y.place(y.domain[1])],
      customXAxisTicks: [...x.labels.keys()],
      customYAxisTicks: [...y.labels.keys()],
      // The library makes room for the labels of values, and writes those of ticks; so all are equally wide.
      formatter: (v, { axis }) => (axis === "x" ? (x.labels.get(v) ?? "") : (y.labels.get(v) ?? "").padStart(gutter)),
      symbols: { axis: { n: "│", e: "─" }, chart: STROKES },
      ...(xLabel === undefined ? {} : { xLabel }),
      ...(color ? { color: pieces.map(({ i }) => COLOURS[i % COLOURS.length]!) } : {}),
      ...(named && !color
        ? {
            lineFormatter: ({ plotX, plotY, index }) => {
              // Lines come in order, each from its point 0.
              if (index === 0) piece++;
              return { x: plotX, y: plotY, symbol: MARKS[pieces[piece]!.i % MARKS.length]! };
            },
          }
        : {}),
    },
  );
  return [...heading, ...chart.split("\n").filter((line) => line.trim() !== "")].map((s) => s.trimEnd()).join("\n");
}

function legend(series: readonly Series[], color: boolean): string {
  return series
    .map(({ name }, i) => {
      const mark = color ? `\u001b[${CODES[i % CODES.length]}m━━\u001b[0m` : MARKS[i % MARKS.length]!;
      return `${mark} ${name}`;
    })
    .join("   ");
}

type Point = readonly [x: number, y: number];

/** Where the points stand. More of them than there are columns are averaged, each column's into one; NaN where only gaps are. */
function perColumn({ x, y }: Series, place: (y: number) => number, width: number): Point[] {
  const points = x.map((v, i): Point => [v, place(y[i]!)]).filter(([v]) => !Number.isNaN(v));
  if (points.length <= width) return points;
  const [low, high] = extent(x);
  const step = (high - low) / (width - 1) || 1;
  const columns = Array.from({ length: width }, () => ({ sum: 0, seen: 0, gaps: 0 }));
  for (const [px, py] of points) {
    const column = columns[Math.round((px - low) / step)]!;
    if (Number.isNaN(py)) {
      column.gaps++;
    } else {
      column.seen++;
      column.sum += py;
    }
  }
  return columns.flatMap(({ sum, seen, gaps }, i): Point[] =>
    seen + gaps === 0 ? [] : [[i === width - 1 ? high : low + i * step, sum / seen]],
  );
}

function unbroken(points: readonly Point[]): [number, number][][] {
  const pieces: [number, number][][] = [];
  let open: [number, number][] | undefined;
  for (const [x, y] of points) {
    if (Number.isNaN(y)) open = undefined;
    else if (open === undefined) pieces.push((open = [[x, y]]));
    else open.push([x, y]);
  }
  return pieces;
}

interface Ticks {
  readonly domain: readonly [number, number];
  /** Where a value stands on the drawn axis. */
  readonly place: (value: number) => number;
  /** From places on the drawn axis to what is written there. */
  readonly labels: ReadonlyMap<number, string>;
}

function yTicks([low, high]: [number, number], scale: "linear" | "log", count: number): Ticks {
  if (scale === "log") {
    const axis = scaleLog().domain([low, high]);
    const write = axis.tickFormat(count, tickFormat([low, high], "log"));
    const ticks = axis.ticks(count).filter((v) => write(v) !== "");
    return { domain: [low, high], place: Math.log10, labels: new Map(ticks.map((v) => [Math.log10(v), write(v)])) };
  }
  const axis = scaleLinear().domain([low, high]).nice(count);
  const [from, to] = axis.domain() as [number, number];
  return { domain: [from, to], place: (v) => v, labels: labelled(axis, count) };
}

/** `whole`: only whole numbers are labelled, as epochs are counted. */
function xTicks([low, high]: [number, number], count: number, whole: boolean): Ticks {
  const place = (v: number) => v;
  if (low === high) return { domain: [low, high], place, labels: new Map([[low, String(low)]]) };
  const axis = scaleLinear().domain([low, high]);
  return { domain: [low, high], place, labels: labelled(axis, whole ? Math.min(count, high - low) : count) };
}

function labelled(axis: ReturnType<typeof scaleLinear>, count: number): Map<number, string> {
  const ticks = axis.ticks(count);
  const write = axis.tickFormat(count, tickFormat(ticks, "linear"));
  return new Map(ticks.map((v) => [v, write(v)]));
}

/** Points over a square of one domain both ways, and the diagonal on which both are the same. */
export function drawDots(
  points: readonly { readonly actual: number; readonly predicted: number }[],
  domain: readonly [number, number],
  labels: Labels,
  size: TextOptions,
): string {
  const { color = false } = size;
  const heading = [labels.title, labels.yLabel].filter((line) => line !== undefined);
  const height = Math.max(4, Math.max(8, Math.floor(size.rows ?? 20)) - heading.length - 3);
  const y = yTicks([domain[0], domain[1]], "linear", Math.max(2, Math.round(height / 3)));
  const gutter = Math.max(...[...y.labels.values()].map((label) => label.length));
  // A character is about twice as high as wide.
  const width = Math.max(10, Math.min(Math.max(30, Math.floor(size.columns ?? 80)) - gutter - 4, height * 2 + 10));
  const x = xTicks([domain[0], domain[1]], Math.max(2, Math.round(width / 14)), false);
  const [low, high] = domain;
  const diagonal = Array.from({ length: width }, (_, i): [number, number] => {
    const v = low + ((high - low) * i) / (width - 1);
    return [v, v];
  });
  let line = -1;
  const chart = draw([diagonal, points.map((p): [number, number] => [p.actual, p.predicted])], {
    width,
    height,
    yRange: [low, high],
    customXAxisTicks: [...x.labels.keys()],
    customYAxisTicks: [...y.labels.keys()],
    formatter: (v, { axis }) => (axis === "x" ? (x.labels.get(v) ?? "") : (y.labels.get(v) ?? "").padStart(gutter)),
    symbols: { axis: { n: "│", e: "─" } },
    ...(labels.xLabel === undefined ? {} : { xLabel: labels.xLabel }),
    ...(color ? { color: ["ansiWhite", "ansiBlue"] } : {}),
    lineFormatter: ({ plotX, plotY, index }) => {
      if (index === 0) line++;
      return { x: plotX, y: plotY, symbol: line === 0 ? "·" : "•" };
    },
  });
  return [...heading, ...chart.split("\n").filter((l) => l.trim() !== "")].map((s) => s.trimEnd()).join("\n");
}
