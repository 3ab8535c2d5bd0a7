import { scaleLinear } from "d3-scale";

/** A column of numbers. */
export type Numbers =
  | readonly number[]
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/**
 * What `plot` draws: one column against its index (0, 1, …), several named columns against their index, or `y` against `x`.
 * An object with exactly the keys `x` and `y` is the last of these.
 */
export type PlotInput = Numbers | { readonly x: Numbers; readonly y: Numbers } | Readonly<Record<string, Numbers>>;

/** One line of a chart. `y` holds NaN where the line has a gap. */
export interface Series {
  /** Undefined where the caller named no series. */
  readonly name: string | undefined;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

// Beyond these an axis' own arithmetic overflows.
const LARGEST = 1e300;
const SMALLEST = 1e-300;

/** Reads what the caller gave, or says what is wrong with it. Values that cannot be drawn on the scale become gaps. */
export function readSeries(input: PlotInput, yScale: "linear" | "log"): Series[] {
  const series = columns(input);
  for (const { name, y } of series) {
    if (y.length === 0) throw new RangeError(`plot: ${of(name)} has no values; there is nothing to draw`);
  }
  const drawn = series.map((s) => ({
    name: s.name === undefined ? undefined : plain(s.name),
    ...drawable(s, yScale),
  }));
  if (drawn.every((s) => s.y.every((v, i) => Number.isNaN(v) || Number.isNaN(s.x[i])))) {
    throw new RangeError(
      yScale === "log"
        ? "plot: no value is a positive finite number, so a log scale has nothing to draw"
        : "plot: every value is NaN or infinite; there is nothing to draw",
    );
  }
  return drawn;
}

/** The same values with gaps where they cannot be drawn on the scale. */
export function drawable({ x, y }: Omit<Series, "name">, yScale: "linear" | "log"): { x: number[]; y: number[] } {
  return {
    x: x.map((v) => (Math.abs(v) <= LARGEST ? v : Number.NaN)),
    y: y.map((v) => (Math.abs(v) <= LARGEST && (yScale === "linear" || v >= SMALLEST) ? v : Number.NaN)),
  };
}

function columns(input: PlotInput): Series[] {
  if (isColumn(input)) return [against(undefined, undefined, numbers(input, "values"))];
  if (typeof input !== "object" || input === null) {
    throw new TypeError(
      `plot: got ${describe(input)}; give an array of numbers, an object of named arrays, or { x, y }, such as plot(losses)`,
    );
  }
  const entries = Object.entries(input as Record<string, unknown>);
  if (entries.length === 0) throw new RangeError("plot: the object names no series; there is nothing to draw");
  if (entries.length === 2 && "x" in input && "y" in input) {
    return [against(undefined, numbers(input.x, "x"), numbers(input.y, "y"))];
  }
  return entries.map(([name, values]) => against(name, undefined, numbers(values, name)));
}

function against(name: string | undefined, x: number[] | undefined, y: number[]): Series {
  if (x !== undefined && x.length !== y.length) {
    throw new RangeError(`plot: x has ${x.length} values and y has ${y.length}; they must have the same number`);
  }
  return { name, x: x ?? y.map((_, i) => i), y };
}

function isColumn(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function numbers(column: unknown, name: string): number[] {
  if (!isColumn(column)) throw new TypeError(`plot: ${name} is ${describe(column)}; it must be an array of numbers`);
  return Array.from(column, (value, i) => {
    if (typeof value === "number") return value;
    const hint = typeof value === "object" && value !== null && "item" in value ? " (read a tensor with .item())" : "";
    throw new TypeError(`plot: ${name}[${i}] is ${describe(value)}; every value must be a number${hint}`);
  });
}

function of(name: string | undefined): string {
  return name === undefined ? "the series" : `the series "${name}"`;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return `the string ${JSON.stringify(value)}`;
  if (typeof value === "object") return `an object (${value.constructor?.name ?? "without a class"})`;
  return `a ${typeof value}`;
}

/**
 * The points that matter when `columns` columns of pixels or characters are all there is to draw on: in each column the
 * first, the last, the lowest and the highest. A million points look the same and cost as much as a thousand.
 * A series whose x does not rise is left as it is.
 */
export function thin(series: Series, columns: number): Series {
  const { x, y } = series;
  const n = x.length;
  if (n <= 4 * columns || x.some((v, i) => !(i === 0 || v >= x[i - 1]!))) return series;
  const left = x[0]!;
  const perColumn = (x[n - 1]! - left) / columns;
  const kept: number[] = [];
  for (let start = 0, column = 1; start < n; column++) {
    let end = start;
    let low = start;
    let high = start;
    let gap = -1;
    while (end < n && (column >= columns || x[end]! < left + column * perColumn)) {
      if (Number.isNaN(y[end])) gap = end;
      if (y[end]! < y[low]! || Number.isNaN(y[low])) low = end;
      if (y[end]! > y[high]! || Number.isNaN(y[high])) high = end;
      end++;
    }
    if (end > start) kept.push(...new Set([start, low, high, gap < 0 ? start : gap, end - 1].sort((a, b) => a - b)));
    start = end;
  }
  return { name: series.name, x: kept.map((i) => x[i]!), y: kept.map((i) => y[i]!) };
}

/** A label that XML and a terminal can hold: on one line, without control characters and halves of characters. */
export function plain(label: string): string {
  return label.replace(/[\p{Cc}\p{Cs}\ufffe\uffff]+/gu, " ");
}

/** The smallest and the largest value; gaps do not count. */
export function extent(values: readonly number[]): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}

/** What a y axis spans: the values' extent, and some room around values that are all one. */
export function span(values: readonly number[], scale: "linear" | "log"): [number, number] {
  const [low, high] = extent(values);
  const size = Math.max(Math.abs(low), Math.abs(high));
  // Below this the numbers of an axis' ticks cannot be told apart.
  if (high - low > size * 1e-12 && size > SMALLEST) return [low, high];
  if (scale === "log") return [low / 2, high * 2];
  const room = size > SMALLEST ? size * 0.1 : 1;
  return [low - room, high + room];
}

/** Whether x counts something, such as epochs, so that only whole numbers mean something on the axis. */
export function counts(series: readonly Series[]): boolean {
  return series.every((s) => s.x.every((v, i) => v === s.x[0]! + i && Number.isInteger(v)));
}

/**
 * How ticks are written (a d3-format specifier), or undefined for the axis' own way. Scientific where plain numbers would be
 * long runs of zeros, for which an axis has no room.
 */
export function tickFormat(values: readonly number[], scale: "linear" | "log"): string | undefined {
  if (scale === "log") {
    const [low, high] = extent(values);
    return low < 1e-3 || high >= 1e5 ? "~e" : "~g";
  }
  const [low, high] = extent(values.map(Math.abs));
  return high >= 1e6 || (high < 1e-3 && low < high) ? "~e" : undefined;
}

// What is read most easily between two powers of ten, coarse and fine.
const STEPS = [[1], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]] as const;

/** Round values on a log axis, about `count`: powers of ten, or what lies between where those are too few. */
export function logTicks([low, high]: readonly [number, number], count: number): number[] {
  const from = Math.floor(Math.log10(low));
  const powers = Array.from({ length: Math.ceil(Math.log10(high)) - from + 1 }, (_, i) => from + i);
  for (const steps of STEPS) {
    const ticks = powers.flatMap((e) => steps.map((m) => Number(`${m}e${e}`))).filter((v) => v >= low && v <= high);
    if (ticks.length >= 3) return ticks.filter((_, i) => i % Math.ceil(ticks.length / (2 * count)) === 0);
  }
  return scaleLinear().domain([low, high]).ticks(count);
}
