/**
 * Convolutions and pooling over sequences and pictures, in terms of movements, one matrix product, and elementwise
 * operations: [N, C, L] or [N, C, H, W], or without N.
 */
import { DTypeError, OptionError, ShapeError } from "../errors.js";
import { record } from "../graph/node.js";
import * as P from "../graph/primitive.js";
import { type Shape, showShape, sizeOf } from "../graph/shape.js";
import { tensor } from "./create.js";
import { constant, where } from "./elementwise.js";
import { matmul } from "./indexing.js";
import { narrow, pad, permute, reshape, slice, unfold } from "./movement.js";
import { Tensor } from "./tensor.js";

/** One size for all spatial dimensions, or one for each. */
export type Sizes = number | Shape;

export interface ConvOptions {
  /** Steps of the kernel. Default 1. */
  stride?: Sizes | undefined;
  /** Zeros put around the input, on both sides; "same" for as many as keep its sizes (with stride 1). Default 0. */
  padding?: Sizes | "same" | undefined;
  /** Distance of the kernel's elements. Default 1. */
  dilation?: Sizes | undefined;
  /** Groups of channels that do not see each other. Default 1. */
  groups?: number | undefined;
}

export interface PoolOptions {
  /** Steps of the window. Default: its size. */
  stride?: Sizes | undefined;
  /** What is put around the input, on both sides; at most half a window. Default 0. */
  padding?: Sizes | undefined;
  /** Windows that begin inside the padded input and end outside count, too. Default false. */
  ceilMode?: boolean | undefined;
}

export interface MaxPoolOptions extends PoolOptions {
  /** Distance of the window's elements. Default 1. */
  dilation?: Sizes | undefined;
}

export interface AvgPoolOptions extends PoolOptions {
  /** The zeros of the padding count in the mean. Default true. */
  countIncludePad?: boolean | undefined;
}

/** A window that slides over the spatial dimensions; every list has one entry for each of them. */
interface Window {
  readonly kernel: Shape;
  readonly stride: Shape;
  readonly padding: Shape;
  readonly dilation: Shape;
  /** How many places it stops at. */
  readonly places: Shape;
}

/** Σ of the kernel times what it covers: [N, C, L] with [O, C / groups, K] → [N, O, L']. */
export function conv1d(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: ConvOptions = {}): Tensor {
  return convolution("conv1d", 1, x, weight, bias, options);
}

/** Σ of the kernel times what it covers: [N, C, H, W] with [O, C / groups, Kh, Kw] → [N, O, H', W']. */
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: ConvOptions = {}): Tensor {
  return convolution("conv2d", 2, x, weight, bias, options);
}

/** The greatest element of each window. Of equal ones the first has the gradient; NaN wins. */
export function maxPool1d(x: Tensor, kernelSize: Sizes, options: MaxPoolOptions = {}): Tensor {
  return maxPool("maxPool1d", 1, x, kernelSize, options);
}

/** The greatest element of each window. Of equal ones the first has the gradient; NaN wins. */
export function maxPool2d(x: Tensor, kernelSize: Sizes, options: MaxPoolOptions = {}): Tensor {
  return maxPool("maxPool2d", 2, x, kernelSize, options);
}

/** The mean of each window. */
export function avgPool1d(x: Tensor, kernelSize: Sizes, options: AvgPoolOptions = {}): Tensor {
  return avgPool("avgPool1d", 1, x, kernelSize, options);
}

/** The mean of each window. */
export function avgPool2d(x: Tensor, kernelSize: Sizes, options: AvgPoolOptions = {}): Tensor {
  return avgPool("avgPool2d", 2, x, kernelSize, options);
}

function convolution(
  operation: string,
  rank: number,
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions,
): Tensor {
  if (weight.ndim !== rank + 2) {
    throw new ShapeError(`${operation}: a weight has ${rank + 2} dimensions, got shape ${showShape(weight.shape)}`);
  }
  if (input.dtype !== weight.dtype) {
    throw new DTypeError(`${operation}: the input is ${input.dtype}, the weight ${weight.dtype}; use to()`);
  }
  return batched(operation, rank, input, (x) => {
    const [out, inner, ...kernel] = weight.shape as [number, number, ...number[]];
    if (x.shape[1] !== inner * groups || out % groups !== 0) {
      throw new ShapeError(
        `${operation}: a weight of shape ${showShape(weight.shape)} in ${groups} group(s) needs ${inner * groups} input ` +
          `channels and a multiple of ${groups} output channels; the input is ${showShape(x.shape)}`,
      );
    }
    if (bias !== null && (bias.ndim !== 1 || bias.numel !== out))
      throw new ShapeError(`${operation}: expects a bias of shape [${out}], got ${showShape(bias.shape)}`);
    const same = padding === "same";
    const framed = same ? framedForSame(operation, x, kernel, { stride, dilation }) : x;
    const frame = { kernel, stride, padding: same ? 0 : padding, dilation, ceilMode: false };
    const window = windowOver(operation, framed.shape, frame);
    const sums = product(framed, weight, window, groups);
    return bias === null ? sums : sums.add(reshape(bias, [out, ...window.places.map(() => 1)]));
  });
}

/** The input with zeros around it, the odd one behind, so that the result of a convolution has its sizes. */
function framedForSame(
  operation: string,
  x: Tensor,
  kernel: Shape,
  { stride, dilation }: { stride: Sizes; dilation: Sizes },
): Tensor {
  if (![stride].flat().every((step) => step === 1))
    throw new OptionError(`${operation}: padding "same" needs a stride of 1, not ${JSON.stringify(stride)}`);
  const distances = sizesOf(operation, "dilation", dilation, kernel.length, 1);
  const zeros = kernel.map((size, d) => {
    const all = (size - 1) * distances[d]!;
    return [Math.floor(all / 2), Math.ceil(all / 2)];
  });
  return pad(x, zeros.reverse().flat());
}

/**
 * The weight times what its window covers, a column for each place: [N, O, …places]. The windows are a view, which the product
 * reads where it lies.
 */
function product(x: Tensor, weight: Tensor, window: Window, groups: number): Tensor {
  const { kernel, stride, dilation, places } = window;
  const [out, inner] = weight.shape as [number, number];
  const samples = x.shape[0]!;
  const rank = kernel.length;
  const framed = surrounded(x, window, 0);
  let windows = reshape(framed, [samples, groups, inner, ...framed.shape.slice(2)]);
  kernel.forEach((size, d) => {
    windows = unfold(windows, d + 3, size, stride[d]!, dilation[d]!);
  });
  const from = (first: number) => kernel.map((_, d) => first + d);
  const order = [0, 1, 2, ...from(3 + rank), ...from(3)];
  const depth = inner * sizeOf(kernel);
  const columns = reshape(permute(windows, order), [samples, groups, depth, sizeOf(places)]);
  const rows = reshape(weight, [1, groups, out / groups, depth]);
  return reshape(matmul(rows, columns), [samples, out, ...places]);
}

function maxPool(
  operation: string,
  rank: number,
  input: Tensor,
  kernelSize: Sizes,
  { stride = kernelSize, padding = 0, dilation = 1, ceilMode = false }: MaxPoolOptions,
): Tensor {
  return batched(operation, rank, input, (x) => {
    const kernel = sizesOf(operation, "kernelSize", kernelSize, rank, 1);
    const window = windowOver(operation, x.shape, { kernel, stride, padding, dilation, ceilMode });
    refuseWidePadding(operation, window);
    const isGreater = (next: Tensor, greatest: Tensor) => next.gt(greatest).logicalOr(next.isnan());
    if (!isTiling(window) || kernel.every((size) => size === 1)) {
      return sliding(x, window, Number.NEGATIVE_INFINITY).reduce((greatest, next) =>
        where(isGreater(next, greatest), next, greatest),
      );
    }
    const tiled = tiling(surrounded(x, window, Number.NEGATIVE_INFINITY), window);
    const [first, ...others] = cutTiles(tiled.detach(), window) as [Tensor, ...Tensor[]];
    let value = first;
    let place = constant(value.shape, 0, "int32");
    others.forEach((next, k) => {
      const greater = isGreater(next, value);
      value = where(greater, next, value);
      place = where(greater, k + 1, place);
    });
    return new Tensor(record(P.chosen, value.dtype, value.shape, [value.node, place.node, tiled.node]));
  });
}

function avgPool(
  operation: string,
  rank: number,
  input: Tensor,
  kernelSize: Sizes,
  { stride = kernelSize, padding = 0, ceilMode = false, countIncludePad = true }: AvgPoolOptions,
): Tensor {
  return batched(operation, rank, input, (x) => {
    const kernel = sizesOf(operation, "kernelSize", kernelSize, rank, 1);
    const window = windowOver(operation, x.shape, { kernel, stride, padding, dilation: 1, ceilMode });
    refuseWidePadding(operation, window);
    const total = sliding(x, window, 0).reduce((sum, next) => sum.add(next));
    const counts = kernel.map((_, d) => countsOf(window, d, x.shape[d + 2]!, countIncludePad));
    if (counts.every((list) => list.every((n) => n === list[0])))
      return total.div(counts.reduce((n, list) => n * list[0]!, 1));
    return counts.reduce((mean, list, d) => {
      const shape = window.places.map((size, i) => (i === d ? size : 1));
      return mean.div(reshape(tensor(list, { dtype: x.dtype }), shape));
    }, total);
  });
}

/** How many elements a window covers along one dimension, at each place. */
function countsOf(
  { kernel, stride, padding, places }: Window,
  d: number,
  size: number,
  withPadding: boolean,
): number[] {
  const margin = padding[d]!;
  return Array.from({ length: places[d]! }, (_, place) => {
    const start = place * stride[d]! - margin;
    const end = Math.min(start + kernel[d]!, size + margin);
    return withPadding ? end - start : Math.min(end, size) - Math.max(start, 0);
  });
}

/** Runs a function on an input that counts samples; one without that dimension gets it, and loses it in the end. */
function batched(operation: string, rank: number, x: Tensor, f: (x: Tensor) => Tensor): Tensor {
  if (x.ndim === rank + 2) return f(x);
  if (x.ndim === rank + 1) return f(x.unsqueeze(0)).squeeze(0);
  throw new ShapeError(
    `${operation}: expects ${rank === 1 ? "[N, C, L] or [C, L]" : "[N, C, H, W] or [C, H, W]"}, got shape ${showShape(x.shape)}`,
  );
}

/** The input with what windows see around it. */
function surrounded(x: Tensor, { kernel, stride, padding, dilation, places }: Window, outside: number): Tensor {
  const margins = kernel.map((size, d) => {
    const reach = (places[d]! - 1) * stride[d]! + (size - 1) * dilation[d]! + 1;
    // Windows at the end may reach beyond the padding, or not reach all of the input.
    return [padding[d]!, Math.max(0, reach - padding[d]! - x.shape[d + 2]!)];
  });
  return margins.flat().every((n) => n === 0) ? x : pad(x, [...margins].reverse().flat(), outside);
}

/** For each element of the kernel, row by row, what it meets at all places: [N, C, …places]. */
function sliding(x: Tensor, window: Window, outside: number): Tensor[] {
  const { kernel, stride, dilation, places } = window;
  const framed = surrounded(x, window, outside);
  if (isTiling(window)) return cutTiles(tiling(framed, window), window);
  let covered = [framed];
  kernel.forEach((size, d) => {
    covered = covered.flatMap((part) =>
      Array.from({ length: size }, (_, k) => {
        const start = k * dilation[d]!;
        return slice(part, d + 2, start, start + (places[d]! - 1) * stride[d]! + 1, stride[d]!);
      }),
    );
  });
  return covered;
}

/** Whether windows lie side by side, so that no other one has a part in an element, which makes gradients cheap. */
const isTiling = ({ kernel, stride, dilation }: Window): boolean =>
  kernel.every((size, d) => size === stride[d] && dilation[d] === 1);

/** The input as windows side by side: [N, C, …(place, element)]. */
function tiling(x: Tensor, { kernel, places }: Window): Tensor {
  const tiled = kernel.map((size, d) => size * places[d]!).reduce((part, size, d) => narrow(part, d + 2, 0, size), x);
  return reshape(tiled, [...x.shape.slice(0, 2), ...kernel.flatMap((size, d) => [places[d]!, size])]);
}

/** The same cut along the elements: for each element of the kernel [N, C, …places]. */
function cutTiles(tiled: Tensor, { kernel, places }: Window): Tensor[] {
  let cut = [tiled];
  kernel.forEach((size, d) => {
    cut = cut.flatMap((part) => Array.from({ length: size }, (_, k) => narrow(part, 2 * d + 3, k, 1)));
  });
  return cut.map((part) => reshape(part, [...tiled.shape.slice(0, 2), ...places]));
}

interface Sliding {
  kernel: Shape;
  stride: Sizes;
  padding: Sizes;
  dilation: Sizes;
  ceilMode: boolean;
}

function windowOver(operation: string, shape: Shape, options: Sliding): Window {
  const { kernel, ceilMode } = options;
  const rank = kernel.length;
  const stride = sizesOf(operation, "stride", options.stride, rank, 1);
  const padding = sizesOf(operation, "padding", options.padding, rank, 0);
  const dilation = sizesOf(operation, "dilation", options.dilation, rank, 1);
  const places = kernel.map((size, d) => {
    const length = shape[d + 2]!;
    const room = length + 2 * padding[d]! - dilation[d]! * (size - 1) - 1;
    const steps = room / stride[d]!;
    let count = (ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // A window that begins behind the input would see nothing but padding.
    if (ceilMode && (count - 1) * stride[d]! >= length + padding[d]!) count--;
    if (room < 0 || count < 1) {
      throw new ShapeError(
        `${operation}: a kernel of ${showShape(kernel)} with padding ${showShape(padding)} and dilation ` +
          `${showShape(dilation)} does not fit into ${showShape(shape)}`,
      );
    }
    return count;
  });
  return { kernel, stride, padding, dilation, places };
}

/** A size for each of so many dimensions, from one for all or one for each. */
export function sizesOf(operation: string, name: string, value: Sizes, rank: number, least: number): Shape {
  const all = typeof value === "number" ? new Array<number>(rank).fill(value) : value;
  if (all.length !== rank || !all.every((size) => Number.isInteger(size) && size >= least)) {
    throw new OptionError(
      `${operation}: ${name} must be a whole number of ${least} or more, or ${rank} of them, not ${JSON.stringify(value)}`,
    );
  }
  return all;
}

function refuseWidePadding(operation: string, { kernel, padding }: Window): void {
  if (padding.every((size, d) => 2 * size <= kernel[d]!)) return;
  throw new OptionError(
    `${operation}: padding ${showShape(padding)} is more than half of the window ${showShape(kernel)}`,
  );
}
