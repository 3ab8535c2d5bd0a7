/** Activation functions, elementwise unless a dimension is given. As in `torch.nn.functional`. */
import { OptionError } from "../../errors.js";
import { clamp, exp, expm1, log1p, minimum, mul, where } from "../../tensor/elementwise.js";
import type { Tensor } from "../../tensor/tensor.js";

export { gelu, relu, sigmoid, tanh } from "../../tensor/elementwise.js";
export { logSoftmax, softmax } from "../../tensor/reduce.js";

/** max(x, 0), at most 6. */
export const relu6 = (x: Tensor): Tensor => hardtanh(x, 0, 6);

/** x limited to min … max, with no gradient at the limits and beyond. */
export function hardtanh(x: Tensor, min = -1, max = 1): Tensor {
  if (!(min < max)) throw new OptionError(`hardtanh: expects min < max, got ${min} and ${max}`);
  return clamp(x, { min, max });
}

/** x where positive, negativeSlope · x elsewhere. */
export const leakyRelu = (x: Tensor, negativeSlope = 0.01): Tensor => where(x.gt(0), x, x.mul(negativeSlope));

/**
 * x where positive, weight · x elsewhere.
 *
 * @param weight - one element, or one for each channel (dimension 1, or 0 of a vector)
 */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  const slope =
    weight.numel === 1 ? weight.reshape([]) : weight.reshape([weight.numel, ...x.shape.slice(2).map(() => 1)]);
  return where(x.gt(0), x, x.mul(slope));
}

/** x where positive, alpha · (eˣ - 1) elsewhere. */
export const elu = (x: Tensor, alpha = 1): Tensor => where(x.gt(0), x, expm1(below(x)).mul(alpha));

/** max(x, 0) + min(0, alpha · (e^(x/alpha) - 1)). */
export const celu = (x: Tensor, alpha = 1): Tensor => where(x.gt(0), x, expm1(below(x).div(alpha)).mul(alpha));

/** The scaled {@link elu} that keeps mean and variance. Source: G. Klambauer et al. (2017). */
export const selu = (x: Tensor): Tensor => elu(x, SELU_ALPHA).mul(SELU_SCALE);

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

/** x · sigmoid(x). */
export const silu = (x: Tensor): Tensor => x.mul(x.sigmoid());

/** x · tanh(softplus(x)). */
export const mish = (x: Tensor): Tensor => x.mul(softplus(x).tanh());

/** log(1 + e^(beta · x)) / beta; x itself where beta · x > threshold. */
export function softplus(x: Tensor, beta = 1, threshold = 20): Tensor {
  const scaled = beta === 1 ? x : x.mul(beta);
  const large = scaled.gt(threshold);
  // The branch that is not taken must not overflow, or its gradient would be 0 · ∞.
  const smooth = log1p(exp(where(large, 0, scaled)));
  return where(large, x, beta === 1 ? smooth : smooth.div(beta));
}

/** log(sigmoid(x)). */
export const logSigmoid = (x: Tensor): Tensor => minimum(x, 0).sub(log1p(exp(x.abs().neg())));

/** x / (1 + |x|). */
export const softsign = (x: Tensor): Tensor => x.div(x.abs().add(1));

/** x - tanh(x). */
export const tanhshrink = (x: Tensor): Tensor => x.sub(x.tanh());

/** min(max(x + 3, 0), 6) / 6. */
export const hardsigmoid = (x: Tensor): Tensor => relu6(x.add(3)).div(6);

/** x · hardsigmoid(x). */
export const hardswish = (x: Tensor): Tensor => mul(x, relu6(x.add(3))).div(6);

/** The part below zero: where the other branch is taken an exponential of it cannot overflow. */
const below = (x: Tensor): Tensor => where(x.gt(0), 0, x);
