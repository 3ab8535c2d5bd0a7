import { ShapeError } from "../../errors.js";
import { showShape } from "../../graph/shape.js";
import { matmul } from "../../tensor/indexing.js";
import type { Tensor } from "../../tensor/tensor.js";

/**
 * x Wᵀ + b.
 *
 * @param x - [..., in]
 * @param weight - [out, in], or [in]
 * @param bias - [out]
 * @throws ShapeError if the last size of x is not the weight's
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  if (x.ndim === 0 || x.shape.at(-1) !== weight.shape.at(-1)) {
    throw new ShapeError(
      `linear: the last size of the input ${showShape(x.shape)} must be ${weight.shape.at(-1)}, ` +
        `that of the weight ${showShape(weight.shape)}`,
    );
  }
  const product = matmul(x, weight.t());
  return bias === null ? product : product.add(bias);
}
