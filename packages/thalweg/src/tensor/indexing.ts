import { isFloat } from "../dtype.js";
import { DTypeError, IndexError, ShapeError } from "../errors.js";
import { type Node, record } from "../graph/node.js";
import * as P from "../graph/primitive.js";
import { broadcast, type Shape, sameShape, showShape, wrapDim } from "../graph/shape.js";
import { arithmetic, eq } from "./elementwise.js";
import { expand, narrow, permute, reshape, unsqueeze } from "./movement.js";
import { sum } from "./reduce.js";
import { beforeRows, rowNode } from "./sparse.js";
import { Tensor } from "./tensor.js";

/** Indices that are on the heap are checked where they are used; others when the plan has run. */
function checkIndices(operation: string, index: Tensor, size: number): void {
  if (index.dtype !== "int32")
    throw new DTypeError(`${operation}: indices must be int32, not ${index.dtype}; use to("int32")`);
  const { buffer, strides, offset } = index.node;
  if (buffer === null || buffer.host === null || strides !== null) return;
  const end = offset + index.numel;
  for (let i = offset; i < end; i++) {
    const at = buffer.host[i]!;
    if (at < 0 || at >= size) {
      throw new IndexError(
        `${operation}: index ${at} is out of bounds for a dimension of size ${size} (0 to ${size - 1})`,
      );
    }
  }
}

/** out[i][j]… = x[index[i][j]…][j]… for dim 0, and likewise for others. `index` has as many dimensions as `x`. */
export function gather(x: Tensor, dim: number, index: Tensor): Tensor {
  const d = wrapDim("gather", dim, x.shape.length);
  if (index.shape.length !== x.shape.length || index.shape.some((n, i) => i !== d && n > x.shape[i]!)) {
    throw new ShapeError(
      `gather: indices of shape ${showShape(index.shape)} do not fit ${showShape(x.shape)}: they need as many dimensions, ` +
        `and no size but that of dimension ${dim} may be larger`,
    );
  }
  checkIndices("gather", index, x.shape[d]!);
  return new Tensor(record(P.gather, x.dtype, index.shape, [x.node, index.node], [d]));
}

/** The named rows (or columns, …) of a tensor; `index` is a vector. */
export function indexSelect(x: Tensor, dim: number, index: Tensor): Tensor {
  const d = wrapDim("indexSelect", dim, x.shape.length);
  if (index.shape.length > 1)
    throw new ShapeError(`indexSelect: the index must be a vector, got ${showShape(index.shape)}`);
  checkIndices("indexSelect", index, x.shape[d] ?? 1);
  const n = index.numel;
  const shape = x.shape.map((size, i) => (i === d ? n : size));
  const along = reshape(
    index,
    x.shape.map((_, i) => (i === d ? n : 1)),
  );
  const full = expand(along, shape);
  return new Tensor(record(P.gather, x.dtype, shape, [x.node, full.node], [d]));
}

/**
 * The rows of a table that int32 indices of any shape name: [...indices, ...row].
 *
 * @param options - `sparse: true` keeps the table's gradient as the rows that were touched, so that a step costs in
 * proportion to those and not to the table. Optimizers that have an exact form for it take it; see `docs/sparse.md`.
 */
export function embedding(table: Tensor, indices: Tensor, { sparse = false }: { sparse?: boolean } = {}): Tensor {
  if (table.shape.length < 1) throw new ShapeError("embedding: the table needs at least one dimension");
  checkIndices("embedding", indices, table.shape[0]!);
  const n = indices.numel;
  const row = table.shape.slice(1);
  const rows = reshape(indices, [n]);
  if (!sparse || !table.requiresGrad) return reshape(indexSelect(table, 0, rows), [...indices.shape, ...row]);
  beforeRows(table, rows);
  const full = expand(reshape(rows, [n, ...row.map(() => 1)]), [n, ...row]);
  const node = record(P.gather, table.dtype, [n, ...row], [rowNode(table), full.node, rows.node], [0, 1]);
  return reshape(new Tensor(node), [...indices.shape, ...row]);
}

/** A copy of `x` to which `src` is added at `index` along a dimension; what falls on one place adds up, in order. */
export function scatterAdd(x: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
  const d = wrapDim("scatterAdd", dim, x.shape.length);
  const fits = (other: Shape, skip: boolean) =>
    index.shape.length === other.length && index.shape.every((n, i) => (skip && i === d) || n <= other[i]!);
  if (!fits(src.shape, false) || !fits(x.shape, true)) {
    throw new ShapeError(
      `scatterAdd: indices of shape ${showShape(index.shape)} do not fit the values' ${showShape(src.shape)} or the target's ${showShape(x.shape)}`,
    );
  }
  if (src.dtype !== x.dtype) throw new DTypeError(`scatterAdd: values are ${src.dtype}, the target is ${x.dtype}`);
  checkIndices("scatterAdd", index, x.shape[d]!);
  let values = src;
  index.shape.forEach((n, i) => {
    values = narrow(values, i, 0, n);
  });
  return new Tensor(record(P.scatterAdd, x.dtype, x.shape, [x.node, index.node, values.node], [d]));
}

/** int32 positions along a dimension of a shape. */
export function positions(shape: Shape, dim: number): Tensor {
  return new Tensor(record(P.position, "int32", shape, [], [dim]));
}

/** A last dimension of `classes` elements that is 1 at the index and 0 elsewhere (int32). */
export function oneHot(x: Tensor, classes = -1): Tensor {
  if (x.dtype !== "int32") throw new DTypeError(`oneHot: expects int32, got ${x.dtype}; use to("int32")`);
  let n = classes;
  if (n === -1) {
    if (x.numel === 0) throw new ShapeError("oneHot: the number of classes cannot be found from no elements; give it");
    n = Number(x.max().item()) + 1;
  }
  if (!Number.isInteger(n) || n < 1)
    throw new ShapeError(`oneHot: the number of classes must be 1 or more, not ${classes}`);
  checkIndices("oneHot", x, n);
  const rank = x.shape.length;
  return eq(unsqueeze(x, rank), positions([...x.shape.map(() => 1), n], rank)).to("int32");
}

/**
 * Matrix product by PyTorch's rules: vectors are rows on the left and columns on the right, further dimensions in front
 * are batches and broadcast.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  if (a.shape.length === 0 || b.shape.length === 0) {
    throw new ShapeError(`matmul: both need at least 1 dimension, got ${showShape(a.shape)} and ${showShape(b.shape)}`);
  }
  if (a.dtype !== b.dtype || a.dtype === "bool") {
    throw new DTypeError(
      `matmul: ${a.dtype} and ${b.dtype} do not go together: both must be of one number type; use to()`,
    );
  }
  const left = a.shape.length === 1 ? unsqueeze(a, 0) : a;
  const right = b.shape.length === 1 ? unsqueeze(b, 1) : b;
  const [m, k] = left.shape.slice(-2) as [number, number];
  const [k2, n] = right.shape.slice(-2) as [number, number];
  if (k !== k2) {
    throw new ShapeError(
      `matmul: ${showShape(a.shape)} and ${showShape(b.shape)} do not go together: the inner sizes ${k} and ${k2} must be equal`,
    );
  }
  const batch = broadcast("matmul", left.shape.slice(0, -2), right.shape.slice(0, -2));
  const full = product(left, right, batch, m, n, k);
  const shape = [...batch, ...(a.shape.length === 1 ? [] : [m]), ...(b.shape.length === 1 ? [] : [n])];
  return reshape(full, shape);
}

function product(left: Tensor, right: Tensor, batch: Shape, m: number, n: number, k: number): Tensor {
  // One row or one column is bound by memory, not by arithmetic: a fused multiplication and sum reads it once.
  if (n === 1 || m === 1 || k === 0 || !isFloat(left.dtype)) {
    const swapped = permute(right, [
      ...right.shape.slice(0, -2).map((_, d) => d),
      right.shape.length - 1,
      right.shape.length - 2,
    ]);
    if (n === 1) return sum(arithmetic(P.mul, left, swapped), -1, { keepdim: true });
    const column = reshape(left, [...left.shape, 1]);
    const matrix = unsqueeze(right, right.shape.length - 2);
    return sum(arithmetic(P.mul, column, matrix), -2);
  }
  const a = expand(left, [...batch, m, k]);
  const b = expand(right, [...batch, k, n]);
  // Rows of several batches that meet one matrix are one tall matrix.
  if (
    batch.length > 0 &&
    right.shape.slice(0, -2).every((size) => size === 1) &&
    sameShape(left.shape.slice(0, -2), batch)
  ) {
    const tall = reshape(left, [left.numel / k, k]);
    const flat = reshape(right, [k, n]);
    return reshape(contraction(tall.node, flat.node, [left.numel / k, n]), [...batch, m, n]);
  }
  return contraction(a.node, b.node, [...batch, m, n]);
}

const contraction = (a: Node, b: Node, shape: Shape): Tensor => new Tensor(record(P.matmul, a.dtype, shape, [a, b]));

/** Σ aᵢ bᵢ of two vectors. */
export function dot(a: Tensor, b: Tensor): Tensor {
  if (a.shape.length !== 1 || b.shape.length !== 1 || a.numel !== b.numel) {
    throw new ShapeError(`dot: expects two vectors of one length, got ${showShape(a.shape)} and ${showShape(b.shape)}`);
  }
  if (a.dtype !== b.dtype) throw new DTypeError(`dot: ${a.dtype} and ${b.dtype} do not go together; use to()`);
  return sum(arithmetic(P.mul, a, b));
}
