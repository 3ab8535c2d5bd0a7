import type { Shape } from "../graph/shape.js";
import { flip, padZeros, reshape } from "../tensor/movement.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * The gradient of a slice: each element back in its place, zeros between. `attr` is [start, step] of each dimension.
 * Zeros between the elements are padding of a dimension of size 1 put behind each strided one.
 */
export function padStrided(g: Tensor, shape: Shape, attr: readonly number[]): Tensor {
  let result = g;
  const starts = shape.map((_, d) => attr[2 * d]!);
  shape.forEach((_, d) => {
    let step = attr[2 * d + 1]!;
    const length = result.shape[d]!;
    if (step < 0) {
      starts[d] = starts[d]! + step * (length - 1);
      step = -step;
      result = flip(result, d);
    }
    if (step === 1 || length === 0) return;
    const at = (n: number): Shape => [...result.shape.slice(0, d), n, ...result.shape.slice(d + 1)];
    const spread: Shape = [...result.shape.slice(0, d + 1), 1, ...result.shape.slice(d + 1)];
    const wide: Shape = [...result.shape.slice(0, d + 1), step, ...result.shape.slice(d + 1)];
    const zeros = wide.map(() => 0);
    const full = reshape(padZeros(reshape(result, spread), zeros, wide), at(length * step));
    // The zeros behind the last element may reach beyond the source.
    const room = shape[d]! - starts[d]!;
    result = room < length * step ? full.narrow(d, 0, room) : full;
  });
  return padZeros(result, starts, shape);
}
