import { ShapeError } from "../errors.js";

export type Shape = readonly number[];

export const SCALAR: Shape = [];

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (let i = 0; i < shape.length; i++) size *= shape[i]!;
  return size;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i]!;
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export const showShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/**
 * The shape that two shapes broadcast to, by PyTorch's rule: aligned at the last dimension, sizes are equal or one of
 * them is 1.
 */
export function broadcast(operation: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b) || b.length === 0) return a;
  if (a.length === 0) return b;
  const rank = Math.max(a.length, b.length);
  const result = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const m = i <= a.length ? a[a.length - i]! : 1;
    const n = i <= b.length ? b[b.length - i]! : 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw new ShapeError(
        `${operation}: shapes ${showShape(a)} and ${showShape(b)} do not broadcast: ` +
          `dimension ${rank - i} has size ${m} in one and ${n} in the other (they must be equal, or one of them 1)`,
      );
    }
    result[rank - i] = m === 1 ? n : m;
  }
  if (sameShape(result, a)) return a;
  return sameShape(result, b) ? b : result;
}

/** Brings a dimension that counts from the end into 0 … rank-1; an error if it does not exist. */
export function wrapDim(operation: string, dim: number, rank: number): number {
  const most = Math.max(rank, 1);
  if (!Number.isInteger(dim) || dim < -most || dim >= most) {
    throw new ShapeError(
      `${operation}: dimension ${dim} is out of range for a tensor of ${rank} dimensions (${-most} to ${most - 1})`,
    );
  }
  return dim < 0 ? dim + most : dim;
}

/** Checks a shape that a user gave. */
export function checkShape(operation: string, shape: Shape): Shape {
  if (!Array.isArray(shape)) {
    throw new ShapeError(`${operation}: a shape is an array of sizes, such as [2, 3]; got ${String(shape)}`);
  }
  for (const size of shape) {
    if (!Number.isInteger(size) || size < 0) {
      throw new ShapeError(`${operation}: ${showShape(shape)} is no shape: sizes are whole numbers, 0 or more`);
    }
  }
  return shape;
}
