import { isFloat } from "../dtype.js";
import { DTypeError, ShapeError } from "../errors.js";
import { record } from "../graph/node.js";
import * as P from "../graph/primitive.js";
import { SCALAR, type Shape, showShape, wrapDim } from "../graph/shape.js";
import { div, exp, log, sqrt, sub, where } from "./elementwise.js";
import { gather } from "./indexing.js";
import { reshape } from "./movement.js";
import { Tensor } from "./tensor.js";

/** Dimensions to reduce: one, several, or (left out) all. Negative ones count from the end. */
export type Dims = number | readonly number[];

export interface KeepDim {
  /** Keep the reduced dimensions with size 1. Default false. */
  keepdim?: boolean | undefined;
}

export interface Correction extends KeepDim {
  /** Divide by n - correction. Default 1, the unbiased estimate. */
  correction?: number | undefined;
}

/** All dimensions of tensors of rank 0, 1, … */
const ALL: readonly (readonly number[])[] = [[], [0], [0, 1], [0, 1, 2], [0, 1, 2, 3]];

function dimsOf(operation: string, x: Tensor, dims: Dims | undefined): readonly number[] {
  const rank = x.node.shape.length;
  if (dims === undefined) return rank < ALL.length ? ALL[rank]! : x.shape.map((_, d) => d);
  if (typeof dims === "number") {
    const dim = wrapDim(operation, dims, rank);
    return rank === 0 ? ALL[0]! : [dim];
  }
  const list = dims.map((dim) => wrapDim(operation, dim, rank));
  if (new Set(list).size !== list.length)
    throw new ShapeError(`${operation}: dimensions ${showShape(list)} name one twice`);
  if (x.shape.length === 0) return [];
  return list.length === 0 ? x.shape.map((_, d) => d) : list.sort((a, b) => a - b);
}

function reducedShape(shape: Shape, dims: readonly number[], keepdim: boolean): Shape {
  if (dims.length === shape.length && !keepdim) return SCALAR;
  return keepdim ? shape.map((size, d) => (dims.includes(d) ? 1 : size)) : shape.filter((_, d) => !dims.includes(d));
}

function reduce(primitive: P.Primitive, x: Tensor, dims: readonly number[], keepdim: boolean): Tensor {
  return new Tensor(record(primitive, x.node.dtype, reducedShape(x.node.shape, dims, keepdim), [x.node], dims));
}

/** An extreme of no elements does not exist. */
function refuseEmpty(operation: string, x: Tensor, dims: readonly number[]): void {
  if (dims.some((d) => x.shape[d] === 0)) {
    throw new ShapeError(
      `${operation}: no elements to choose from along a dimension of size 0 of ${showShape(x.shape)}`,
    );
  }
}

const countOf = (x: Tensor, dims: readonly number[]): number => dims.reduce((n, d) => n * x.shape[d]!, 1);

function requireFloats(operation: string, x: Tensor): void {
  if (!isFloat(x.dtype)) throw new DTypeError(`${operation}: expects floats, got ${x.dtype}; use to("float32") first`);
}

const orInt = (x: Tensor): Tensor => (x.dtype === "bool" ? x.to("int32") : x);

export function sum(x: Tensor, dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
  return reduce(P.sum, orInt(x), dimsOf("sum", x, dims), keepdim);
}

export function prod(x: Tensor, dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
  return reduce(P.prod, orInt(x), dimsOf("prod", x, dims), keepdim);
}

export function mean(x: Tensor, dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
  requireFloats("mean", x);
  const list = dimsOf("mean", x, dims);
  return div(reduce(P.sum, x, list, keepdim), countOf(x, list));
}

/** The greatest elements over one, several or all dimensions; equal ones share the gradient. NaN wins. */
export function amax(x: Tensor, dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
  const list = dimsOf("amax", x, dims);
  refuseEmpty("amax", x, list);
  return reduce(P.max, x, list, keepdim);
}

export function amin(x: Tensor, dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
  const list = dimsOf("amin", x, dims);
  refuseEmpty("amin", x, list);
  return reduce(P.min, x, list, keepdim);
}

function position(primitive: P.Primitive, x: Tensor, dim: number | undefined, keepdim: boolean): Tensor {
  const { name } = primitive;
  const values = orInt(x);
  if (dim === undefined) {
    refuseEmpty(
      name,
      x,
      x.shape.map((_, d) => d),
    );
    const flat = reshape(values, [x.numel]);
    const shape = keepdim ? x.shape.map(() => 1) : [];
    return new Tensor(record(primitive, "int32", shape, [flat.node], [0]));
  }
  const d = wrapDim(name, dim, x.shape.length);
  if (x.shape.length === 0) return reshape(position(primitive, reshape(x, [1]), 0, false), []);
  refuseEmpty(name, x, [d]);
  return new Tensor(record(primitive, "int32", reducedShape(x.shape, [d], keepdim), [values.node], [d]));
}

/** int32 positions of the first greatest elements along a dimension, or in the flattened tensor. */
export const argmax = (x: Tensor, dim?: number, { keepdim = false }: KeepDim = {}): Tensor =>
  position(P.argmax, x, dim, keepdim);

/** int32 positions of the first least elements along a dimension, or in the flattened tensor. */
export const argmin = (x: Tensor, dim?: number, { keepdim = false }: KeepDim = {}): Tensor =>
  position(P.argmin, x, dim, keepdim);

/** Extreme values along one dimension and where they stand. */
export interface ValuesAndIndices {
  readonly values: Tensor;
  readonly indices: Tensor;
}

function extreme(name: "max" | "min", x: Tensor, dim: number, keepdim: boolean): ValuesAndIndices {
  const d = wrapDim(name, dim, x.shape.length);
  const kept = position(name === "max" ? P.argmax : P.argmin, x, d, true);
  if (x.shape.length === 0) return { values: x, indices: reshape(kept, []) };
  const shape = reducedShape(x.shape, [d], keepdim);
  const values = reshape(gather(x, d, kept), shape);
  // Recorded when it is looked at: whoever takes only the values leaves no open end behind.
  let indices: Tensor | undefined;
  return {
    values,
    get indices() {
      return (indices ??= reshape(kept, shape));
    },
  };
}

/** The extreme element of all. Its attribute ends in -1: unlike amax's, its gradient goes to NaNs if there are any. */
function extremeOfAll(primitive: P.Primitive, x: Tensor): Tensor {
  const dims = dimsOf(primitive.name, x, undefined);
  refuseEmpty(primitive.name, x, dims);
  return new Tensor(record(primitive, x.node.dtype, [], [x.node], [...dims, -1]));
}

export function max(x: Tensor): Tensor;
export function max(x: Tensor, dim: number, options?: KeepDim): ValuesAndIndices;
export function max(x: Tensor, dim?: number, { keepdim = false }: KeepDim = {}): Tensor | ValuesAndIndices {
  return dim === undefined ? extremeOfAll(P.max, x) : extreme("max", x, dim, keepdim);
}

export function min(x: Tensor): Tensor;
export function min(x: Tensor, dim: number, options?: KeepDim): ValuesAndIndices;
export function min(x: Tensor, dim?: number, { keepdim = false }: KeepDim = {}): Tensor | ValuesAndIndices {
  return dim === undefined ? extremeOfAll(P.min, x) : extreme("min", x, dim, keepdim);
}

/** Mean squared distance from the mean, over n - correction. */
export function variance(x: Tensor, dims?: Dims, { correction = 1, keepdim = false }: Correction = {}): Tensor {
  requireFloats("variance", x);
  const list = dimsOf("variance", x, dims);
  const center = mean(x, list, { keepdim: true });
  const squares = reduce(P.sum, sub(x, center).square(), list, keepdim);
  return div(squares, Math.max(0, countOf(x, list) - correction));
}

export const std = (x: Tensor, dims?: Dims, options: Correction = {}): Tensor => rootOf(variance(x, dims, options));

/** √x with a gradient of 0 at 0, where the root itself has no slope. */
function rootOf(x: Tensor): Tensor {
  const zero = x.detach().eq(0);
  return where(zero, 0, sqrt(where(zero, 1, x)));
}

/** log Σ exp x, with the greatest element taken out first so that nothing overflows. */
export function logsumexp(x: Tensor, dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
  const values = isFloat(x.dtype) ? x : x.to("float32");
  const list = dimsOf("logsumexp", x, dims);
  const greatest = amax(values.detach(), list, { keepdim: true });
  const finite = where(greatest.isfinite(), greatest, 0);
  const total = log(reduce(P.sum, exp(sub(values, finite)), list, true)).add(finite);
  return reshape(total, reducedShape(x.shape, list, keepdim));
}

/** exp x / Σ exp x along a dimension. */
export function softmax(x: Tensor, dim: number): Tensor {
  requireFloats("softmax", x);
  const d = [wrapDim("softmax", dim, x.shape.length)];
  const e = exp(sub(x, amax(x.detach(), d, { keepdim: true })));
  return div(e, sum(e, d, { keepdim: true }));
}

/** log of {@link softmax}, computed without leaving the logarithmic scale. */
export function logSoftmax(x: Tensor, dim: number): Tensor {
  requireFloats("logSoftmax", x);
  const d = [wrapDim("logSoftmax", dim, x.shape.length)];
  const shifted = sub(x, amax(x.detach(), d, { keepdim: true }));
  return sub(shifted, log(sum(exp(shifted), d, { keepdim: true })));
}

/** Running sums along a dimension. */
export function cumsum(x: Tensor, dim: number): Tensor {
  const d = wrapDim("cumsum", dim, x.shape.length);
  const values = orInt(x);
  if (x.shape.length === 0) return values;
  return new Tensor(record(P.cumsum, values.dtype, x.shape, [values.node], [d]));
}

/** True where any element is not zero. */
export function any(x: Tensor, dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
  return reduce(P.max, x.to("bool"), dimsOf("any", x, dims), keepdim);
}

/** True where no element is zero. */
export function all(x: Tensor, dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
  return reduce(P.min, x.to("bool"), dimsOf("all", x, dims), keepdim);
}

/** (Σ |x|ᵖ)^(1/p); p may be 0 (how many are not zero) or Infinity. The 2-norm's gradient at 0 is 0. */
export function norm(x: Tensor, p = 2, dims?: Dims, { keepdim = false }: KeepDim = {}): Tensor {
  requireFloats("norm", x);
  const list = dimsOf("norm", x, dims);
  const total = (y: Tensor) => reduce(P.sum, y, list, keepdim);
  if (p === Number.POSITIVE_INFINITY) return amax(x.abs(), list, { keepdim });
  if (p === Number.NEGATIVE_INFINITY) return amin(x.abs(), list, { keepdim });
  if (p === 0) return total(x.ne(0).to(x.dtype));
  if (p === 1) return total(x.abs());
  if (p === 2) return rootOf(total(x.square()));
  const powers = total(x.abs().pow(p));
  const zero = powers.detach().eq(0);
  return where(zero, 0, where(zero, 1, powers).pow(1 / p));
}
