import * as Plot from "@observablehq/plot";
import { scaleLinear } from "d3-scale";
import type { Canvas, Drawing, Table, TextOptions } from "../drawing.js";
import { Figure } from "../figure.js";
import { draw, textWidth } from "../frame.js";
import { message } from "../message.js";
import { count, digits, percent } from "../numbers.js";
import { type ChartOptions, checkSize, plainOptions } from "../options.js";
import { drawPanels } from "../panels.js";
import { extent, type Numbers, plain, tickFormat } from "../series.js";
import { dataOf, type HistoryLike, num, type ParameterLike, type SummaryLike } from "../shapes.js";
import { bars, sparkline } from "../textBars.js";
import { colourOf } from "../theme.js";
import { type Choice, chosen } from "./parameters.js";

/** Numbers, or their summary. */
export type HistogramInput = Numbers | SummaryLike;

/** Which histograms of a run are drawn. */
export interface ParameterHistogramOptions extends ChartOptions, Choice {
  /** `"value"` (the default), `"gradient"`, `"stepSize"` or `"update"`. */
  readonly of?: keyof ParameterLike;
  /** The last epoch that has them unless given. */
  readonly epoch?: number;
}

interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

interface Bins {
  readonly name: string;
  readonly bins: readonly Bin[];
  readonly total: number;
  /** What bins do not show: "12 % zeros". */
  readonly remark: string | undefined;
}

/**
 * How often values occur: of one column, or side by side of several. A summary is drawn as it was binned; numbers are put
 * into about thirty bins, few of them into fewer.
 *
 * ```ts
 * histogram(errors, { title: "Errors" }).show();
 * histogram({ "0.weight": summary, "2.weight": another }).save("weights.svg");
 * ```
 */
export function histogram(
  input: HistogramInput | Readonly<Record<string, HistogramInput>>,
  options: ChartOptions = {},
): Figure {
  checkSize("histogram", options);
  const one = isColumn(input) || isSummary(input);
  const entries: [string, HistogramInput][] = one
    ? [["", input]]
    : Object.entries(input as Readonly<Record<string, HistogramInput>>);
  if (entries.length === 0) throw new RangeError("histogram: the object names no column; there is nothing to draw");
  return figure(
    entries.map(([name, column]) => binsOf(plain(name), column)),
    options,
    undefined,
  );
}

/** How the values, gradients, step sizes or updates of each parameter were distributed at the end of an epoch. */
export function parameterHistograms(history: HistoryLike, options: ParameterHistogramOptions = {}): Figure {
  checkSize("parameterHistograms", options);
  const { of = "value", epoch, parameters: _, most: __, ...rest } = options;
  const title =
    rest.title ?? { value: "Parameters", gradient: "Gradients", stepSize: "Step sizes", update: "Updates" }[of];
  const epochs = dataOf(history).epochs.filter((e) => e.parameters && (epoch === undefined || e.epoch === epoch));
  const last = epochs.at(-1);
  if (last === undefined) {
    const when = epoch === undefined ? "in this run" : `at epoch ${epoch}`;
    return new Figure(message(title, `Nothing was recorded of the parameters ${when}.`));
  }
  const { names, remark } = chosen("parameterHistograms", [last], of, options);
  if (names.length === 0) return new Figure(message(title, `No ${of} was recorded at epoch ${last.epoch}.`));
  const columns = names.map((name) => binsOf(plain(name), last.parameters![name]![of]!));
  return figure(columns, { ...rest, title: rest.title ?? `${title} at epoch ${last.epoch}` }, remark);
}

const isColumn = (input: unknown): input is Numbers => Array.isArray(input) || ArrayBuffer.isView(input);

function isSummary(input: unknown): input is SummaryLike {
  const { histogram } = input as Partial<SummaryLike>;
  return Array.isArray(histogram?.edges) && Array.isArray(histogram.counts);
}

function binsOf(name: string, input: HistogramInput): Bins {
  if (isColumn(input)) return bin(name, Array.from(input, Number));
  if (!isSummary(input))
    throw new TypeError(`histogram: ${name || "the column"} is neither an array of numbers nor a summary`);
  const edges = input.histogram.edges.map(num);
  const counts = input.histogram.counts.map(num);
  const zeros = num(input.zeros);
  const notFinite = num(input.notFinite);
  const total = counts.reduce((a, b) => a + b, 0);
  const [low, high] = [edges[0]!, edges.at(-1)!];
  return {
    name,
    // Values that are all one have a summary without width.
    bins: low === high ? needle(low, total) : counts.map((n, i) => ({ from: edges[i]!, to: edges[i + 1]!, count: n })),
    total,
    remark: said([zeros > 0.005 && `${percent(zeros)} zeros`, notFinite > 0 && `${digits(notFinite)} not finite`]),
  };
}

/** One value, many times: a thin bar with room on both sides. */
function needle(value: number, count: number): Bin[] {
  const room = Math.abs(value) * 0.1 || 1;
  const at = [-1, -0.03, 0.03, 1].map((share) => value + share * room);
  return [0, 1, 2].map((i) => ({ from: at[i]!, to: at[i + 1]!, count: i === 1 ? count : 0 }));
}

function bin(name: string, values: readonly number[]): Bins {
  // Beyond this the arithmetic of bins overflows; the spread of less than that is none.
  const finite = values.filter((v) => Math.abs(v) <= 1e300);
  const remark = said([finite.length < values.length && `${digits(values.length - finite.length)} not finite`]);
  if (finite.length === 0) return { name, bins: [], total: 0, remark };
  const [low, most] = extent(finite);
  const high = most - low > 1e-300 ? most : low;
  if (!(low < high)) return { name, bins: needle(low, finite.length), total: finite.length, remark };
  // Rice's rule: few values make few bins.
  const wanted = Math.max(5, Math.min(30, Math.ceil(2 * Math.cbrt(finite.length))));
  const scale = scaleLinear().domain([low, high]).nice(wanted);
  const ticks = scale.ticks(wanted);
  const edges = ticks.length > 2 ? ticks : scale.domain();
  const counts = new Array<number>(edges.length - 1).fill(0);
  const step = (edges.at(-1)! - edges[0]!) / counts.length;
  for (const v of finite) counts[Math.max(0, Math.min(counts.length - 1, Math.floor((v - edges[0]!) / step)))]!++;
  return {
    name,
    bins: counts.map((n, i) => ({ from: edges[i]!, to: edges[i + 1]!, count: n })),
    total: finite.length,
    remark,
  };
}

const said = (parts: readonly (string | false)[]) => parts.filter(Boolean).join(", ") || undefined;

function figure(columns: readonly Bins[], options: ChartOptions, remark: string | undefined): Figure {
  const { title, width = 640, height } = plainOptions(options);
  const drawn = columns.filter((c) => c.total > 0 && c.bins.every((b) => Number.isFinite(b.from + b.to)));
  const empty = columns.filter((c) => !drawn.includes(c));
  if (drawn.length === 0) return new Figure(message(title, "No value is finite, so there is no histogram."));
  const left = empty.length === 0 ? undefined : `nothing finite: ${empty.map((c) => c.name).join(", ")}`;
  const below = said([left ?? false, remark ?? false]);
  const alt = `${title ?? "Histogram"}: ${drawn.map((c) => `${c.name} ${rangeOf(c)}`.trim()).join("; ")}`;
  const drawing: Drawing = {
    title,
    alt,
    svg: (canvas) =>
      drawn.length === 1
        ? alone(canvas, drawn[0]!, title, alt, canvas.width ?? width, height ?? 300)
        : drawPanels(canvas, {
            title,
            alt,
            width: canvas.width ?? width,
            remark: below,
            ...(height === undefined ? {} : { height }),
            panels: drawn.map((column) => (c, w, h) => panel(c, column, w, h)),
          }),
    text: (size) => text(drawn, title, below, size),
    table: () => tableOf(drawn),
  };
  return new Figure(drawing);
}

/** From where to where, and how many. */
function rangeOf({ bins, total, remark }: Bins): string {
  const seen = bins.filter((b) => b.count > 0);
  const rest = remark === undefined ? "" : `, ${remark}`;
  return `${count(total, "value")} from ${digits(seen[0]!.from, 3)} to ${digits(seen.at(-1)!.to, 3)}${rest}`;
}

function marks(canvas: Canvas, bins: readonly Bin[], font: number): Plot.Markish[] {
  const fill = colourOf(canvas.theme, 0);
  return [
    Plot.rectY(bins, { x1: "from", x2: "to", y: "count", fill, insetLeft: 0.5, insetRight: 0.5 }),
    Plot.ruleY([0], { stroke: canvas.theme.ink, strokeOpacity: font > 12 ? 0.6 : 0.4 }),
  ];
}

const axes = (bins: readonly Bin[], width: number, spacing: number, yTicks: number) => {
  const domain: [number, number] = [bins[0]!.from, bins.at(-1)!.to];
  const most = Math.max(...bins.map((b) => b.count));
  return {
    x: { scale: { domain }, ticks: Math.max(2, width / spacing), format: tickFormat(domain, "linear") },
    y: {
      scale: { domain: [0, most] },
      ticks: Math.min(yTicks, most),
      format: most >= 10_000 ? "~s" : undefined,
      grid: true,
    },
  };
};

function alone(canvas: Canvas, column: Bins, title: string | undefined, alt: string, width: number, height: number) {
  const name = title ?? (column.name || undefined);
  const { x, y } = axes(column.bins, width, 90, 5);
  const remark = column.remark;
  return draw(canvas, {
    title: name,
    alt,
    width,
    height,
    ...(remark !== undefined && (name === undefined || textWidth(name + remark, 16) < width - 60) ? { remark } : {}),
    x,
    y: { ...y, label: "Count" },
    marks: marks(canvas, column.bins, 15),
  });
}

function panel(canvas: Canvas, column: Bins, width: number, height: number): SVGSVGElement {
  return draw(canvas, {
    title: column.name,
    alt: column.name,
    remark: column.remark,
    small: true,
    width,
    height,
    ...axes(column.bins, width, 70, 3),
    marks: marks(canvas, column.bins, 12),
  });
}

function text(
  columns: readonly Bins[],
  title: string | undefined,
  remark: string | undefined,
  size: TextOptions,
): string {
  const { columns: room = 80 } = size;
  const head = title === undefined ? [] : [title];
  if (columns.length === 1) {
    const [column] = columns as [Bins];
    const rows = column.bins.map((b) => ({ label: `${digits(b.from, 3)} … ${digits(b.to, 3)}`, value: b.count }));
    return [...head, ...bars(rows, room, size.color), ...(column.remark === undefined ? [] : [column.remark])].join(
      "\n",
    );
  }
  const longest = Math.max(...columns.map((c) => c.name.length));
  const lines = columns.map(
    (c) => `${c.name.padEnd(longest)}  ${sparkline(c.bins.map((b) => b.count))}  ${rangeOf(c)}`,
  );
  return [...head, ...lines, ...(remark === undefined ? [] : [remark])].join("\n");
}

function tableOf(columns: readonly Bins[]): Table {
  const named = columns.length > 1;
  return {
    columns: [...(named ? ["Name"] : []), "From", "To", "Count"],
    rows: columns.flatMap((c) => c.bins.map((b) => [...(named ? [c.name] : []), b.from, b.to, b.count])),
  };
}
