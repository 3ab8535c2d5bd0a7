/** What `print(tensor)` shows in PyTorch with its default options, with this library's names. */
import { type DType, isFloat, type TypedArray } from "../dtype.js";

const PRECISION = 4;
/** Tensors of more elements than this are shown by their edges. */
const THRESHOLD = 1000;
const EDGE_ITEMS = 3;
const LINE_WIDTH = 80;
const PREFIX = "tensor(";

/** A tensor's values and what to say about it. */
export interface Printable {
  /** All values in row-major order; booleans are 0 or 1. */
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** A last word within the parentheses, such as `requiresGrad=true` or `gradFn=<MulBackward>`. */
  readonly suffix?: string;
}

/**
 * The text of a tensor: `tensor([[1.0000, 2.5000]], dtype=float64, requiresGrad=true)`.
 *
 * Floats have 4 digits after the point; they are whole (`1.`) if all are, and scientific if the largest magnitude is over
 * 1e8 or over 1000 times the smallest, or the smallest is under 1e-4. Lines are at most 80 wide. Of more than 1000
 * elements only the first and last 3 of each dimension are shown. The dtype is named unless it is float32, int32 or bool;
 * of an empty tensor also the size, and the dtype unless it is float32.
 */
export function formatTensor({ data, shape, dtype, suffix }: Printable): string {
  const suffixes: string[] = [];
  let body: string;
  if (data.length === 0) {
    body = "[]";
    if (shape.length !== 1) suffixes.push(`size=(${shape.join(", ")})`);
    if (dtype !== "float32") suffixes.push(`dtype=${dtype}`);
  } else {
    const summarize = data.length > THRESHOLD;
    const element = elementFormat(shownElements(data, shape, summarize), dtype);
    body = nested({ data, shape, summarize, element }, 0, 0, PREFIX.length);
    if (dtype === "float64") suffixes.push(`dtype=${dtype}`);
  }
  if (suffix) suffixes.push(suffix);
  return withSuffixes(PREFIX + body, suffixes);
}

/** How one element is written, and how wide a column of them is. */
interface ElementFormat {
  readonly width: number;
  readonly format: (value: number) => string;
}

interface Layout {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly summarize: boolean;
  readonly element: ElementFormat;
}

/** The indices along a dimension that are shown; -1 stands for those left out. */
function shownIndices(size: number, summarize: boolean): number[] {
  if (!summarize || size <= 2 * EDGE_ITEMS) return Array.from({ length: size }, (_, i) => i);
  const first = Array.from({ length: EDGE_ITEMS }, (_, i) => i);
  return [...first, -1, ...first.map((i) => size - EDGE_ITEMS + i)];
}

function shownElements(data: TypedArray, shape: readonly number[], summarize: boolean): ArrayLike<number> {
  if (!summarize) return data;
  let offsets = [0];
  let stride = data.length;
  for (const size of shape) {
    stride /= size;
    const indices = shownIndices(size, true).filter((index) => index >= 0);
    offsets = offsets.flatMap((offset) => indices.map((index) => offset + index * stride));
  }
  return offsets.map((offset) => data[offset]);
}

/** The dimensions from `dim` on, of the part of the data that starts at `offset`, with brackets. */
function nested(layout: Layout, dim: number, offset: number, indent: number): string {
  const { data, shape, summarize, element } = layout;
  if (dim === shape.length) return element.format(data[offset]);
  const newline = `\n${" ".repeat(indent + 1)}`;
  const indices = shownIndices(shape[dim], summarize);
  const rank = shape.length - dim;
  if (rank > 1) {
    const stride = shape.slice(dim + 1).reduce((product, size) => product * size, 1);
    const parts = indices.map((i) => (i < 0 ? "..." : nested(layout, dim + 1, offset + i * stride, indent + 1)));
    return `[${parts.join(`,${"\n".repeat(rank - 2)}${newline}`)}]`;
  }
  const items = indices.map((i) => (i < 0 ? " ..." : element.format(data[offset + i])));
  const perLine = Math.max(1, Math.floor((LINE_WIDTH - indent) / (element.width + 2)));
  const lines: string[] = [];
  for (let i = 0; i < items.length; i += perLine) lines.push(items.slice(i, i + perLine).join(", "));
  return `[${lines.join(`,${newline}`)}]`;
}

function elementFormat(values: ArrayLike<number>, dtype: DType): ElementFormat {
  const write = isFloat(dtype)
    ? floatFormat(values)
    : dtype === "bool"
      ? (v: number) => (v ? "true" : "false")
      : String;
  let width = 1;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    // In PyTorch zeros, infinities and NaNs do not widen a column of floats.
    if (!isFloat(dtype) || (value !== 0 && Number.isFinite(value))) width = Math.max(width, write(value).length);
  }
  return { width, format: (value) => write(value).padStart(width) };
}

/** How the values of a float tensor are written, which depends on all of them. */
function floatFormat(values: ArrayLike<number>): (value: number) => string {
  let smallest = Number.POSITIVE_INFINITY;
  let largest = 0;
  let whole = true;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value === 0 || !Number.isFinite(value)) continue;
    smallest = Math.min(smallest, Math.abs(value));
    largest = Math.max(largest, Math.abs(value));
    whole &&= Number.isInteger(value);
  }
  const scientific = largest > 0 && (largest / smallest > 1000 || largest > 1e8 || smallest < 1e-4);
  return (value) => {
    if (Number.isNaN(value)) return "nan";
    const sign = value < 0 || Object.is(value, -0) ? "-" : "";
    const magnitude = Math.abs(value);
    if (magnitude === Number.POSITIVE_INFINITY) return `${sign}inf`;
    if (scientific) return sign + exponential(magnitude);
    return sign + (whole ? `${magnitude.toFixed(0)}.` : fixed(magnitude));
  };
}

/** 4 digits after the point. Exact ties go to the even digit, as in C and Python; JavaScript rounds them up. */
function fixed(magnitude: number): string {
  // Halfway between two multiples of 1e-4 and exact in binary: an odd multiple of 1/32.
  const tie = Math.abs((magnitude * 32) % 2) === 1;
  return tie ? evenLast(magnitude.toFixed(PRECISION)) : magnitude.toFixed(PRECISION);
}

/** 4 digits after the point and an exponent of at least 2 digits, ties as in {@link fixed}. */
function exponential(magnitude: number): string {
  // A double that is not a tie differs from one long before the 40th digit.
  const exact = magnitude.toExponential(40);
  const tie = /^5(0*)e/.test(exact.slice(2 + PRECISION));
  const [digits, exponent] = magnitude.toExponential(PRECISION).split("e") as [string, string];
  return `${tie ? evenLast(digits) : digits}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

/** Digits that were rounded up from a tie: an odd last digit becomes the even one below. */
function evenLast(digits: string): string {
  const last = Number(digits.at(-1));
  return last % 2 === 0 ? digits : digits.slice(0, -1) + (last - 1);
}

/** Adds the suffixes and the closing parenthesis, each suffix on a new line if it would not fit. */
function withSuffixes(text: string, suffixes: readonly string[]): string {
  let result = text;
  // PyTorch counts 2 more than the line has, so it breaks a little early.
  let lineLength = text.length - text.lastIndexOf("\n") + 1;
  for (const suffix of suffixes) {
    if (lineLength + suffix.length + 2 > LINE_WIDTH) {
      result += `,\n${" ".repeat(PREFIX.length)}${suffix}`;
      lineLength = PREFIX.length + suffix.length;
    } else {
      result += `, ${suffix}`;
      lineLength += suffix.length + 2;
    }
  }
  return `${result})`;
}
