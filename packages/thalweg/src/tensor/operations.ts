import type { Shape } from "../graph/shape.js";
import type { Operand } from "./elementwise.js";
import * as elementwise from "./elementwise.js";
import * as indexing from "./indexing.js";
import * as movement from "./movement.js";
import type { Correction, Dims, KeepDim, ValuesAndIndices } from "./reduce.js";
import * as reduce from "./reduce.js";
import type { Tensor } from "./tensor.js";

/** The operations as methods of a tensor; what they do is said at the functions of the same names. */
export abstract class Operations {
  /** this + other */
  add(this: Tensor, other: Operand): Tensor {
    return elementwise.add(this, other);
  }
  /** this - other */
  sub(this: Tensor, other: Operand): Tensor {
    return elementwise.sub(this, other);
  }
  /** this · other */
  mul(this: Tensor, other: Operand): Tensor {
    return elementwise.mul(this, other);
  }
  /** this / other; whole numbers give float32. */
  div(this: Tensor, other: Operand): Tensor {
    return elementwise.div(this, other);
  }
  /** this to the power of other */
  pow(this: Tensor, other: Operand): Tensor {
    return elementwise.pow(this, other);
  }
  /** The greater of both at each place. */
  maximum(this: Tensor, other: Operand): Tensor {
    return elementwise.maximum(this, other);
  }
  /** The lesser of both at each place. */
  minimum(this: Tensor, other: Operand): Tensor {
    return elementwise.minimum(this, other);
  }
  eq(this: Tensor, other: Operand): Tensor {
    return elementwise.eq(this, other);
  }
  ne(this: Tensor, other: Operand): Tensor {
    return elementwise.ne(this, other);
  }
  lt(this: Tensor, other: Operand): Tensor {
    return elementwise.lt(this, other);
  }
  le(this: Tensor, other: Operand): Tensor {
    return elementwise.le(this, other);
  }
  gt(this: Tensor, other: Operand): Tensor {
    return elementwise.gt(this, other);
  }
  ge(this: Tensor, other: Operand): Tensor {
    return elementwise.ge(this, other);
  }
  logicalAnd(this: Tensor, other: Operand): Tensor {
    return elementwise.logicalAnd(this, other);
  }
  logicalOr(this: Tensor, other: Operand): Tensor {
    return elementwise.logicalOr(this, other);
  }
  logicalXor(this: Tensor, other: Operand): Tensor {
    return elementwise.logicalXor(this, other);
  }
  /** -x */
  neg(this: Tensor): Tensor {
    return elementwise.neg(this);
  }
  /** |x| */
  abs(this: Tensor): Tensor {
    return elementwise.abs(this);
  }
  /** -1, 0 or 1 */
  sign(this: Tensor): Tensor {
    return elementwise.sign(this);
  }
  /** eˣ */
  exp(this: Tensor): Tensor {
    return elementwise.exp(this);
  }
  /** eˣ - 1, exact near 0 */
  expm1(this: Tensor): Tensor {
    return elementwise.expm1(this);
  }
  /** Natural logarithm */
  log(this: Tensor): Tensor {
    return elementwise.log(this);
  }
  /** log(1 + x), exact near 0 */
  log1p(this: Tensor): Tensor {
    return elementwise.log1p(this);
  }
  sqrt(this: Tensor): Tensor {
    return elementwise.sqrt(this);
  }
  /** 1 / √x */
  rsqrt(this: Tensor): Tensor {
    return elementwise.rsqrt(this);
  }
  /** x² */
  square(this: Tensor): Tensor {
    return elementwise.square(this);
  }
  /** 1 / x */
  reciprocal(this: Tensor): Tensor {
    return elementwise.reciprocal(this);
  }
  sin(this: Tensor): Tensor {
    return elementwise.sin(this);
  }
  cos(this: Tensor): Tensor {
    return elementwise.cos(this);
  }
  tanh(this: Tensor): Tensor {
    return elementwise.tanh(this);
  }
  /** 1 / (1 + e⁻ˣ) */
  sigmoid(this: Tensor): Tensor {
    return elementwise.sigmoid(this);
  }
  /** max(x, 0) */
  relu(this: Tensor): Tensor {
    return elementwise.relu(this);
  }
  /** log(1 + eˣ), x itself above 20 */
  softplus(this: Tensor): Tensor {
    return elementwise.softplus(this);
  }
  /** The error function */
  erf(this: Tensor): Tensor {
    return elementwise.erf(this);
  }
  floor(this: Tensor): Tensor {
    return elementwise.floor(this);
  }
  ceil(this: Tensor): Tensor {
    return elementwise.ceil(this);
  }
  /** To the nearest whole number, halves to even */
  round(this: Tensor): Tensor {
    return elementwise.round(this);
  }
  /** Towards zero */
  trunc(this: Tensor): Tensor {
    return elementwise.trunc(this);
  }
  logicalNot(this: Tensor): Tensor {
    return elementwise.logicalNot(this);
  }
  isnan(this: Tensor): Tensor {
    return elementwise.isnan(this);
  }
  isfinite(this: Tensor): Tensor {
    return elementwise.isfinite(this);
  }
  /** x · Φ(x) */
  gelu(this: Tensor, options?: { approximate?: "none" | "tanh" }): Tensor {
    return elementwise.gelu(this, options);
  }
  /** Limits every element to min … max. */
  clamp(this: Tensor, limits: { min?: Operand; max?: Operand }): Tensor {
    return elementwise.clamp(this, limits);
  }
  /** Elements of `a` where this (a bool tensor) holds, of `b` elsewhere. */
  where(this: Tensor, a: Operand, b: Operand): Tensor {
    return elementwise.where(this, a, b);
  }
  sum(this: Tensor, dims?: Dims, options?: KeepDim): Tensor {
    return reduce.sum(this, dims, options);
  }
  prod(this: Tensor, dims?: Dims, options?: KeepDim): Tensor {
    return reduce.prod(this, dims, options);
  }
  mean(this: Tensor, dims?: Dims, options?: KeepDim): Tensor {
    return reduce.mean(this, dims, options);
  }
  amax(this: Tensor, dims?: Dims, options?: KeepDim): Tensor {
    return reduce.amax(this, dims, options);
  }
  amin(this: Tensor, dims?: Dims, options?: KeepDim): Tensor {
    return reduce.amin(this, dims, options);
  }
  logsumexp(this: Tensor, dims?: Dims, options?: KeepDim): Tensor {
    return reduce.logsumexp(this, dims, options);
  }
  any(this: Tensor, dims?: Dims, options?: KeepDim): Tensor {
    return reduce.any(this, dims, options);
  }
  all(this: Tensor, dims?: Dims, options?: KeepDim): Tensor {
    return reduce.all(this, dims, options);
  }
  variance(this: Tensor, dims?: Dims, options?: Correction): Tensor {
    return reduce.variance(this, dims, options);
  }
  std(this: Tensor, dims?: Dims, options?: Correction): Tensor {
    return reduce.std(this, dims, options);
  }
  argmax(this: Tensor, dim?: number, options?: KeepDim): Tensor {
    return reduce.argmax(this, dim, options);
  }
  argmin(this: Tensor, dim?: number, options?: KeepDim): Tensor {
    return reduce.argmin(this, dim, options);
  }
  /** The greatest element; with a dimension, the greatest along it and where they stand. */
  max(this: Tensor): Tensor;
  max(this: Tensor, dim: number, options?: KeepDim): ValuesAndIndices;
  max(this: Tensor, dim?: number, options?: KeepDim): Tensor | ValuesAndIndices {
    return dim === undefined ? reduce.max(this) : reduce.max(this, dim, options);
  }
  /** The least element; with a dimension, the least along it and where they stand. */
  min(this: Tensor): Tensor;
  min(this: Tensor, dim: number, options?: KeepDim): ValuesAndIndices;
  min(this: Tensor, dim?: number, options?: KeepDim): Tensor | ValuesAndIndices {
    return dim === undefined ? reduce.min(this) : reduce.min(this, dim, options);
  }
  softmax(this: Tensor, dim: number): Tensor {
    return reduce.softmax(this, dim);
  }
  logSoftmax(this: Tensor, dim: number): Tensor {
    return reduce.logSoftmax(this, dim);
  }
  cumsum(this: Tensor, dim: number): Tensor {
    return reduce.cumsum(this, dim);
  }
  /** (Σ |x|ᵖ)^(1/p), p being 2 by default. */
  norm(this: Tensor, p?: number, dims?: Dims, options?: KeepDim): Tensor {
    return reduce.norm(this, p, dims, options);
  }
  /** The same elements in another shape; one size may be -1. */
  reshape(this: Tensor, shape: Shape): Tensor {
    return movement.reshape(this, shape);
  }
  /** The same as {@link reshape}: values do not alias here. */
  view(this: Tensor, shape: Shape): Tensor {
    return movement.reshape(this, shape);
  }
  /** Dimensions in another order. */
  permute(this: Tensor, dims: readonly number[]): Tensor {
    return movement.permute(this, dims);
  }
  transpose(this: Tensor, a: number, b: number): Tensor {
    return movement.transpose(this, a, b);
  }
  /** The transpose of a matrix. */
  t(this: Tensor): Tensor {
    return movement.t(this);
  }
  unsqueeze(this: Tensor, dim: number): Tensor {
    return movement.unsqueeze(this, dim);
  }
  squeeze(this: Tensor, dim?: Dims): Tensor {
    return movement.squeeze(this, dim);
  }
  /** Repeats dimensions of size 1; -1 keeps a size. */
  expand(this: Tensor, shape: Shape): Tensor {
    return movement.expand(this, shape);
  }
  flatten(this: Tensor, start?: number, end?: number): Tensor {
    return movement.flatten(this, start, end);
  }
  narrow(this: Tensor, dim: number, start: number, length: number): Tensor {
    return movement.narrow(this, dim, start, length);
  }
  select(this: Tensor, dim: number, index: number): Tensor {
    return movement.select(this, dim, index);
  }
  /** Elements start, start + step, … below end, as Python's `x[start:end:step]` along a dimension. */
  slice(this: Tensor, dim: number, start?: number, end?: number, step?: number): Tensor {
    return movement.slice(this, dim, start, end, step);
  }
  /** Windows of `size` neighbours along a dimension, `step` apart; the place in the window is a new last dimension. */
  unfold(this: Tensor, dim: number, size: number, step = 1): Tensor {
    return movement.unfold(this, dim, size, step);
  }
  flip(this: Tensor, dims: Dims): Tensor {
    return movement.flip(this, dims);
  }
  /** [before, after] of the last dimension, then of the one before it, … as PyTorch's `F.pad`. */
  pad(this: Tensor, padding: readonly number[], value?: number): Tensor {
    return movement.pad(this, padding, value);
  }
  split(this: Tensor, size: number | readonly number[], dim?: number): Tensor[] {
    return movement.split(this, size, dim);
  }
  chunk(this: Tensor, chunks: number, dim?: number): Tensor[] {
    return movement.chunk(this, chunks, dim);
  }
  matmul(this: Tensor, other: Tensor): Tensor {
    return indexing.matmul(this, other);
  }
  dot(this: Tensor, other: Tensor): Tensor {
    return indexing.dot(this, other);
  }
  gather(this: Tensor, dim: number, index: Tensor): Tensor {
    return indexing.gather(this, dim, index);
  }
  indexSelect(this: Tensor, dim: number, index: Tensor): Tensor {
    return indexing.indexSelect(this, dim, index);
  }
  scatterAdd(this: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
    return indexing.scatterAdd(this, dim, index, src);
  }
  oneHot(this: Tensor, classes?: number): Tensor {
    return indexing.oneHot(this, classes);
  }
}
