import { type Shape, stridesOf } from "../graph/shape.js";

/**
 * How the loops of a kernel walk over a tensor's elements in row-major order: the element at loop indices i is number
 * `offset + Σ strides[l] · i[l]`. Reshaping changes nothing about a walk; the other movements rewrite it.
 */
export interface Walk {
  readonly offset: number;
  readonly strides: readonly number[];
}

/** A walk taken apart by the dimensions of a shape: along dimension d it stands at `offset + Σ strides[l] · i[l]`. */
export type Coordinates = readonly Walk[];

/** Says that loop number `loop` must be cut into an outer and an inner loop of `inner` points for a walk to be taken apart. */
export interface Cut {
  readonly loop: number;
  readonly inner: number;
}

/**
 * Takes a walk over a tensor of the given shape apart. Possible if, along each dimension, the loops never leave
 * 0 … size-1, so that nothing is carried from one dimension into another. Where a loop runs over several dimensions
 * the answer is how to cut it; null if nothing helps.
 */
export function takeApart(walk: Walk, shape: Shape, loops: readonly number[]): Coordinates | Cut | null {
  const rows = stridesOf(shape);
  const rank = shape.length;
  const coordinates: { offset: number; strides: number[] }[] = [];
  let restOffset = walk.offset;
  const rest = [...walk.strides];
  for (let d = 0; d < rank; d++) {
    const row = rows[d]!;
    const digit = (x: number) => (shape[d] === 1 ? 0 : Math.trunc(x / row));
    const offset = digit(restOffset);
    restOffset -= offset * row;
    const strides = rest.map((stride, l) => {
      const s = digit(stride);
      rest[l] = stride - s * row;
      return s;
    });
    coordinates.push({ offset, strides });
  }
  for (let d = rank - 1; d >= 0; d--) {
    const { offset, strides } = coordinates[d]!;
    let low = offset;
    let high = offset;
    strides.forEach((stride, l) => {
      if (stride < 0) low += stride * (loops[l]! - 1);
      else high += stride * (loops[l]! - 1);
    });
    if (low >= 0 && high < shape[d]!) continue;
    for (let l = strides.length - 1; l >= 0; l--) {
      const step = Math.abs(strides[l]!);
      if (step === 0) continue;
      const inner = shape[d]! / step;
      const size = loops[l]!;
      if (inner > 1 && Number.isInteger(inner) && inner < size && size % inner === 0) return { loop: l, inner };
    }
    return null;
  }
  return restOffset === 0 && rest.every((r, l) => r === 0 || loops[l] === 1) ? coordinates : null;
}

/** Puts coordinates together again as a walk over storage with the given strides. */
export function putTogether(coordinates: Coordinates, strides: readonly number[], loops: number): Walk {
  let offset = 0;
  const sums = new Array<number>(loops).fill(0);
  coordinates.forEach((c, d) => {
    const stride = strides[d]!;
    offset += c.offset * stride;
    for (let l = 0; l < loops; l++) sums[l]! += c.strides[l]! * stride;
  });
  return { offset, strides: sums };
}

/** `a + factor · b`. */
export const sumOf = (a: Walk, b: Walk, factor: number): Walk => ({
  offset: a.offset + factor * b.offset,
  strides: a.strides.map((stride, l) => stride + factor * b.strides[l]!),
});

/** The source's coordinates for a result that broadcasts it: dimensions of size 1 stand still. */
export function unbroadcast(coordinates: Coordinates, source: Shape, loops: number): Coordinates {
  const still: Walk = { offset: 0, strides: new Array<number>(loops).fill(0) };
  const skip = coordinates.length - source.length;
  return source.map((size, d) => (size === 1 ? still : coordinates[d + skip]!));
}
