import { promote } from "../dtype.js";
import { ShapeError } from "../errors.js";
import { leafNode, type Node, record, recording } from "../graph/node.js";
import * as P from "../graph/primitive.js";
import { broadcast, checkShape, type Shape, sameShape, showShape, sizeOf, stridesOf, wrapDim } from "../graph/shape.js";
import { castNode } from "./elementwise.js";
import { Tensor } from "./tensor.js";

/**
 * Views of values that exist and that no step will overwrite are made at once: another leaf on the same storage. Its
 * offset is no part of a plan's key, so a loop over slices of a data set compiles once.
 */
function viewable(node: Node): boolean {
  return node.buffer !== null && node.primitive === P.leaf && !node.mutable && !node.requiresGrad;
}

function viewOf(node: Node, shape: Shape, strides: readonly number[], offset: number): Tensor {
  const view = leafNode(node.buffer!, shape);
  node.buffer!.shared = true;
  const rows = stridesOf(shape);
  const contiguous = shape.every((size, d) => size <= 1 || strides[d] === rows[d]);
  view.strides = contiguous ? null : strides;
  view.offset = offset;
  recording.capture?.views.set(view, node);
  return new Tensor(view);
}

const stridesNow = (node: Node): readonly number[] => node.strides ?? stridesOf(node.shape);

function move(primitive: P.Primitive, x: Tensor, shape: Shape, attr: readonly number[] | null = null): Tensor {
  return new Tensor(record(primitive, x.node.dtype, shape, [x.node], attr));
}

/** The same elements in another shape; one size may be -1, for what is left. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const { node } = x;
  if (!Array.isArray(shape)) checkShape("reshape", shape);
  let full = shape;
  const unknown = shape.indexOf(-1);
  if (unknown >= 0) {
    const rest = shape.reduce((n, size, d) => (d === unknown ? n : n * size), 1);
    if (rest === 0 || node.size % rest !== 0 || shape.lastIndexOf(-1) !== unknown) {
      throw new ShapeError(
        `reshape: ${showShape(node.shape)} (${node.size} elements) does not fit ${showShape(shape)}`,
      );
    }
    full = shape.map((size, d) => (d === unknown ? node.size / rest : size));
  }
  checkShape("reshape", full);
  if (sizeOf(full) !== node.size) {
    throw new ShapeError(
      `reshape: ${showShape(node.shape)} has ${node.size} elements, ${showShape(full)} would have ${sizeOf(full)}`,
    );
  }
  if (sameShape(full, node.shape)) return x;
  if (viewable(node) && node.strides === null) return viewOf(node, full, stridesOf(full), node.offset);
  return move(P.reshape, x, full);
}

/** Dimensions in another order. */
export function permute(x: Tensor, dims: readonly number[]): Tensor {
  const { node } = x;
  if (!Array.isArray(dims)) {
    throw new ShapeError(`permute: the order of dimensions is an array, such as [1, 0]; got ${String(dims)}`);
  }
  const order = dims.map((dim) => wrapDim("permute", dim, node.shape.length));
  if (order.length !== node.shape.length || new Set(order).size !== order.length) {
    throw new ShapeError(`permute: ${showShape(dims)} must name each dimension of ${showShape(node.shape)} once`);
  }
  const shape = order.map((d) => node.shape[d]!);
  if (viewable(node)) {
    const strides = stridesNow(node);
    return viewOf(
      node,
      shape,
      order.map((d) => strides[d]!),
      node.offset,
    );
  }
  return move(P.permute, x, shape, order);
}

export function transpose(x: Tensor, a: number, b: number): Tensor {
  const rank = x.shape.length;
  const order = x.shape.map((_, d) => d);
  const i = wrapDim("transpose", a, rank);
  const j = wrapDim("transpose", b, rank);
  if (rank < 2) return x;
  [order[i], order[j]] = [j, i];
  return permute(x, order);
}

/** The transpose of a matrix; vectors and numbers as they are. */
export function t(x: Tensor): Tensor {
  if (x.shape.length > 2)
    throw new ShapeError(`t: expects at most 2 dimensions, got ${showShape(x.shape)}; use transpose`);
  return x.shape.length < 2 ? x : permute(x, [1, 0]);
}

export function unsqueeze(x: Tensor, dim: number): Tensor {
  const at = wrapDim("unsqueeze", dim, x.shape.length + 1);
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}

/** Without the dimensions of size 1, or without the named ones if their size is 1. */
export function squeeze(x: Tensor, dim?: number | readonly number[]): Tensor {
  const dims =
    dim === undefined ? x.shape.map((_, d) => d) : [dim].flat().map((d) => wrapDim("squeeze", d, x.shape.length));
  return reshape(
    x,
    x.shape.filter((size, d) => size !== 1 || !dims.includes(d)),
  );
}

/** Repeats dimensions of size 1; -1 keeps a size. New dimensions come in front. */
export function expand(x: Tensor, shape: Shape): Tensor {
  const { node } = x;
  if (!Array.isArray(shape)) checkShape("expand", shape);
  const skip = shape.length - node.shape.length;
  const full = shape.map((size, d) => (size === -1 && d >= skip ? node.shape[d - skip]! : size));
  checkShape("expand", full);
  if (skip < 0 || !sameShape(broadcast("expand", node.shape, full), full)) {
    throw new ShapeError(
      `expand: ${showShape(node.shape)} cannot be expanded to ${showShape(shape)}: only sizes of 1 can`,
    );
  }
  if (sameShape(full, node.shape)) return x;
  if (viewable(node)) {
    const strides = stridesNow(node);
    const repeated = full.map((_, d) => (d < skip || node.shape[d - skip] === 1 ? 0 : strides[d - skip]!));
    return viewOf(node, full, repeated, node.offset);
  }
  return move(P.expand, x, full);
}

/** Dimensions `start` to `end` as one. */
export function flatten(x: Tensor, start = 0, end = -1): Tensor {
  const rank = x.shape.length;
  if (rank === 0) return reshape(x, [1]);
  const from = wrapDim("flatten", start, rank);
  const to = wrapDim("flatten", end, rank);
  if (from > to) throw new ShapeError(`flatten: start ${start} lies behind end ${end}`);
  return reshape(x, [...x.shape.slice(0, from), sizeOf(x.shape.slice(from, to + 1)), ...x.shape.slice(to + 1)]);
}

/** For each dimension start, step and resulting size. */
export function strided(x: Tensor, starts: readonly number[], steps: readonly number[], shape: Shape): Tensor {
  const { node } = x;
  if (sameShape(shape, node.shape) && steps.every((s) => s === 1)) return x;
  if (viewable(node)) {
    const strides = stridesNow(node);
    const offset = starts.reduce((n, start, d) => n + (shape[d] === 0 ? 0 : start * strides[d]!), node.offset);
    return viewOf(
      node,
      shape,
      strides.map((s, d) => s * steps[d]!),
      offset,
    );
  }
  return move(
    P.slice,
    x,
    shape,
    starts.flatMap((start, d) => [start, steps[d]!]),
  );
}

/** Elements start, start + step, … below end along a dimension; negative numbers count from the end, as in Python. */
export function slice(x: Tensor, dim: number, start = 0, end?: number, step = 1): Tensor {
  const d = wrapDim("slice", dim, x.shape.length);
  if (x.shape.length === 0) throw new ShapeError("slice: a tensor of no dimensions cannot be sliced");
  if (!Number.isInteger(step) || step < 1)
    throw new ShapeError(`slice: the step must be a whole number of 1 or more, not ${step}`);
  if (!Number.isInteger(start) || (end !== undefined && !Number.isInteger(end)))
    throw new ShapeError(`slice: start and end must be whole numbers, not ${start} and ${end}`);
  const size = x.shape[d]!;
  const clip = (i: number) => Math.min(Math.max(i < 0 ? i + size : i, 0), size);
  const from = clip(start);
  const to = clip(end ?? size);
  const length = Math.max(0, Math.ceil((to - from) / step));
  return strided(
    x,
    x.shape.map((_, i) => (i === d ? from : 0)),
    x.shape.map((_, i) => (i === d ? step : 1)),
    x.shape.map((n, i) => (i === d ? length : n)),
  );
}

/** `length` elements from `start` on along a dimension. */
export function narrow(x: Tensor, dim: number, start: number, length: number): Tensor {
  const d = wrapDim("narrow", dim, x.shape.length);
  const size = x.shape[d] ?? 0;
  const from = start < 0 ? start + size : start;
  if (!Number.isInteger(from) || !Number.isInteger(length) || from < 0 || length < 0 || from + length > size) {
    throw new ShapeError(
      `narrow: ${length} elements from ${start} on do not lie in dimension ${dim} of ${showShape(x.shape)}`,
    );
  }
  return slice(x, d, from, from + length);
}

/** One index of a dimension, which disappears. */
export function select(x: Tensor, dim: number, index: number): Tensor {
  const d = wrapDim("select", dim, x.shape.length);
  const size = x.shape[d] ?? 0;
  if (!Number.isInteger(index) || index < -size || index >= size) {
    throw new ShapeError(`select: index ${index} is out of range for dimension ${dim} of ${showShape(x.shape)}`);
  }
  const one = narrow(x, d, index < 0 ? index + size : index, 1);
  return reshape(
    one,
    x.shape.filter((_, i) => i !== d),
  );
}

/**
 * Windows of `size` neighbours along a dimension, `step` apart; the place in the window is a new last dimension.
 *
 * @param dilation - distance of a window's elements; PyTorch's `unfold` knows only 1
 */
export function unfold(x: Tensor, dim: number, size: number, step = 1, dilation = 1): Tensor {
  const { node } = x;
  const d = wrapDim("unfold", dim, node.shape.length);
  if (node.shape.length === 0) return unfold(reshape(x, [1]), 0, size, step, dilation).select(0, 0);
  const length = node.shape[d]!;
  const counts = Number.isInteger(size) && Number.isInteger(step) && Number.isInteger(dilation);
  if (!counts || size < 1 || step < 1 || dilation < 1)
    throw new ShapeError(`unfold: size and step must be whole numbers of 1 or more, not ${size} and ${step}`);
  const places = length - (size - 1) * dilation;
  if (places < 1) {
    throw new ShapeError(`unfold: a window of ${size} does not fit into dimension ${dim} of ${showShape(node.shape)}`);
  }
  const shape = [...node.shape.map((n, i) => (i === d ? places : n)), size];
  const strides = viewable(node) ? stridesNow(node) : null;
  const windows =
    strides !== null
      ? viewOf(node, shape, [...strides, strides[d]! * dilation], node.offset)
      : move(P.unfold, x, shape, [d, size, dilation]);
  return slice(windows, d, 0, places, step);
}

/** The adjoint of {@link unfold} with a step of 1: what is in several windows is summed. */
export function overlap(x: Tensor, shape: Shape, attr: readonly number[]): Tensor {
  return move(P.overlap, x, shape, attr);
}

/** The order of elements along dimensions turned around. */
export function flip(x: Tensor, dims: number | readonly number[]): Tensor {
  const flipped = [dims].flat().map((d) => wrapDim("flip", d, x.shape.length));
  if (x.shape.length === 0) return x;
  return strided(
    x,
    x.shape.map((size, d) => (flipped.includes(d) ? Math.max(size - 1, 0) : 0)),
    x.shape.map((_, d) => (flipped.includes(d) ? -1 : 1)),
    x.shape,
  );
}

/**
 * Puts `value` around: `padding` is [before, after] of the last dimension, then of the one before it, and so on, as
 * `torch.nn.functional.pad` takes it. Negative amounts cut off.
 */
export function pad(x: Tensor, padding: readonly number[], value = 0): Tensor {
  const rank = x.shape.length;
  if (padding.length % 2 !== 0 || padding.length > 2 * rank || !padding.every(Number.isInteger)) {
    throw new ShapeError(
      `pad: ${showShape(padding)} must hold two whole numbers for each of at most ${rank} dimensions`,
    );
  }
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  for (let i = 0; i < padding.length; i += 2) {
    before[rank - 1 - i / 2] = padding[i]!;
    after[rank - 1 - i / 2] = padding[i + 1]!;
  }
  let inner = x;
  x.shape.forEach((size, d) => {
    const cut = { from: Math.max(-before[d]!, 0), to: size - Math.max(-after[d]!, 0) };
    if (cut.to < cut.from) throw new ShapeError(`pad: ${showShape(padding)} cuts off more than dimension ${d} has`);
    inner = slice(inner, d, cut.from, cut.to);
  });
  const front = before.map((n) => Math.max(n, 0));
  const shape = inner.shape.map((size, d) => size + front[d]! + Math.max(after[d]!, 0));
  if (value === 0 || sameShape(shape, inner.shape)) return padZeros(inner, front, shape);
  const outside = padZeros(inner.detach().mul(0).add(1).to("bool"), front, shape).logicalNot();
  return outside.where(value, padZeros(inner, front, shape));
}

export function padZeros(x: Tensor, before: readonly number[], shape: Shape): Tensor {
  return sameShape(shape, x.shape) ? x : move(P.pad, x, shape, before);
}

/** Tensors one after another along an existing dimension. */
export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  const first = tensors[0];
  if (first === undefined) throw new ShapeError("cat: expects at least one tensor");
  const d = wrapDim("cat", dim, first.shape.length);
  if (first.shape.length === 0) throw new ShapeError("cat: tensors of no dimensions cannot be joined; use stack");
  const dtype = tensors.reduce((type, x) => promote(type, x.dtype), first.dtype);
  let total = 0;
  for (const x of tensors) {
    if (x.shape.length !== first.shape.length || x.shape.some((size, i) => i !== d && size !== first.shape[i])) {
      throw new ShapeError(
        `cat: ${showShape(x.shape)} cannot be joined to ${showShape(first.shape)} along dimension ${dim}: all other sizes must be equal`,
      );
    }
    total += x.shape[d]!;
  }
  if (tensors.length === 1) return first;
  const nodes = tensors.map((x) => castNode(x.node, dtype));
  const shape = first.shape.map((size, i) => (i === d ? total : size));
  return new Tensor(record(P.cat, dtype, shape, nodes, [d]));
}

/** Tensors of one shape along a new dimension. */
export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  const first = tensors[0];
  if (first === undefined) throw new ShapeError("stack: expects at least one tensor");
  for (const x of tensors) {
    if (!sameShape(x.shape, first.shape)) {
      throw new ShapeError(`stack: all shapes must be equal, got ${showShape(first.shape)} and ${showShape(x.shape)}`);
    }
  }
  const d = wrapDim("stack", dim, first.shape.length + 1);
  const joined = cat(
    tensors.map((x) => unsqueeze(x, d)),
    d,
  );
  return joined;
}

/** Pieces of a size (the last may be smaller), or of the given sizes. */
export function split(x: Tensor, size: number | readonly number[], dim = 0): Tensor[] {
  const d = wrapDim("split", dim, x.shape.length);
  const length = x.shape[d] ?? 0;
  let sizes: readonly number[];
  if (typeof size === "number") {
    if (!Number.isInteger(size) || size < 1)
      throw new ShapeError(`split: a size must be a whole number of 1 or more, not ${size}`);
    sizes = Array.from({ length: Math.max(1, Math.ceil(length / size)) }, (_, i) => Math.min(size, length - i * size));
  } else {
    sizes = size;
    const sum = sizes.reduce((a, b) => a + b, 0);
    if (sum !== length)
      throw new ShapeError(`split: sizes ${showShape(sizes)} add up to ${sum}, but dimension ${dim} has ${length}`);
  }
  let start = 0;
  return sizes.map((n) => {
    const piece = narrow(x, d, start, n);
    start += n;
    return piece;
  });
}

/** At most `chunks` pieces of equal size (the last may be smaller). */
export function chunk(x: Tensor, chunks: number, dim = 0): Tensor[] {
  if (!Number.isInteger(chunks) || chunks < 1) throw new ShapeError(`chunk: expects 1 chunk or more, not ${chunks}`);
  const length = x.shape[wrapDim("chunk", dim, x.shape.length)] ?? 0;
  return split(x, Math.max(1, Math.ceil(length / chunks)), dim);
}
