import { allocate, type TypedArray } from "../dtype.js";
import type { Node } from "../graph/node.js";

/** The elements of a node in row-major order, from those of its storage. */
export function contiguous(stored: TypedArray, node: Node): TypedArray {
  const { shape, strides, offset, size } = node;
  if (strides === null) return offset === 0 && stored.length === size ? stored : stored.subarray(offset, offset + size);
  const out = allocate(node.dtype, size);
  let next = 0;
  const walk = (depth: number, at: number): void => {
    if (depth === shape.length) {
      out[next++] = stored[at]!;
      return;
    }
    for (let i = 0; i < shape[depth]!; i++) walk(depth + 1, at + i * strides[depth]!);
  };
  walk(0, offset);
  return out;
}
