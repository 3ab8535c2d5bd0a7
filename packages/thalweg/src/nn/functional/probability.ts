/** Losses of probabilities, and of directions, against others. As in `torch.nn.functional`. */
import { OptionError, ShapeError } from "../../errors.js";
import { showShape } from "../../graph/shape.js";
import { clamp, log, log1p, where } from "../../tensor/elementwise.js";
import type { Tensor } from "../../tensor/tensor.js";
import { logSigmoid } from "./activation.js";
import { type Reduction, type ReductionOptions, reduced, requireSameShape } from "./reduction.js";

export interface WeightOptions extends ReductionOptions {
  /** A factor for each element's loss; broadcasts. */
  weight?: Tensor | null | undefined;
}

export interface LogitsOptions extends WeightOptions {
  /** A factor for the loss of positive targets; broadcasts. Over 1 for more recall, under 1 for more precision. */
  posWeight?: Tensor | null | undefined;
}

/**
 * Binary cross-entropy of probabilities: -(y log x + (1 - y) log(1 - x)), the logarithms being -100 at least.
 *
 * @param input - probabilities; for numbers that no sigmoid has been applied to yet, {@link binaryCrossEntropyWithLogits}
 * is exact where this one is not
 */
export function binaryCrossEntropy(input: Tensor, target: Tensor, { weight, reduction }: WeightOptions = {}): Tensor {
  requireSameShape("binaryCrossEntropy", input, target);
  // PyTorch's gradient divides by x (1 - x), but by no less than 1e-12. Nearer to 0 and 1 than that the loss is a line.
  const slope = input.mul(input.neg().add(1)).detach();
  const steep = slope.lt(1e-12);
  const inner = where(steep, 0.5, input);
  const outer = input.detach();
  const smooth = crossed(log(inner), log1p(inner.neg()), target);
  const flat = crossed(clamp(log(outer), { min: -100 }), clamp(log1p(outer.neg()), { min: -100 }), target);
  const line = flat.add(input.sub(outer).mul(outer.sub(target.detach()).mul(1e12)));
  return weighted("binaryCrossEntropy", where(steep, line, smooth), weight, reduction);
}

const crossed = (positive: Tensor, negative: Tensor, target: Tensor): Tensor =>
  target.mul(positive).add(target.neg().add(1).mul(negative)).neg();

/** Binary cross-entropy of logits: -(posWeight · y log σ(x) + (1 - y) log(1 - σ(x))), without overflow. */
export function binaryCrossEntropyWithLogits(
  input: Tensor,
  target: Tensor,
  { weight, posWeight, reduction }: LogitsOptions = {},
): Tensor {
  requireSameShape("binaryCrossEntropyWithLogits", input, target);
  const positive = logSigmoid(input);
  const part = target.neg().add(1).mul(input);
  const losses = part.sub(posWeight ? posWeight.sub(1).mul(target).add(1).mul(positive) : positive);
  return weighted("binaryCrossEntropyWithLogits", losses, weight, reduction);
}

function weighted(
  operation: string,
  losses: Tensor,
  weight: Tensor | null | undefined,
  reduction: Reduction | undefined,
): Tensor {
  return reduced(operation, weight ? losses.mul(weight) : losses, reduction);
}

export interface KlDivOptions {
  /** Default "mean", over all elements. "batchmean", the sum over the number of samples, is what the formula means. */
  reduction?: Reduction | "batchmean" | undefined;
  /** The target, too, is given as logarithms. Default false. */
  logTarget?: boolean | undefined;
}

/**
 * Kullback-Leibler divergence, y (log y - x) for each element.
 *
 * @param input - logarithms of probabilities
 * @param target - probabilities, or with `logTarget` logarithms of them
 */
export function klDiv(input: Tensor, target: Tensor, { reduction, logTarget = false }: KlDivOptions = {}): Tensor {
  requireSameShape("klDiv", input, target);
  const zero = target.eq(0);
  const losses = logTarget
    ? target.exp().mul(target.sub(input))
    : where(zero, 0, target.mul(log(where(zero, 1, target)))).sub(target.mul(input));
  if (reduction !== "batchmean") return reduced("klDiv", losses, reduction);
  return input.ndim === 0 ? losses : losses.sum().div(input.shape[0]!);
}

/**
 * 1 - cos of the angle between vectors that belong together (target 1), max(0, cos - margin) of others (target -1).
 *
 * @param a - [n, d], or [d]
 * @param b - the same shape
 * @param target - [n], or []
 */
export function cosineEmbeddingLoss(
  a: Tensor,
  b: Tensor,
  target: Tensor,
  { margin = 0, reduction }: { margin?: number | undefined } & ReductionOptions = {},
): Tensor {
  requireSameShape("cosineEmbeddingLoss", a, b);
  if (a.ndim < 1 || a.ndim > 2 || target.ndim !== a.ndim - 1 || (a.ndim === 2 && target.shape[0] !== a.shape[0])) {
    throw new ShapeError(
      `cosineEmbeddingLoss: expects inputs [n, d] with a target [n], or [d] with [], got ${showShape(a.shape)} with ${showShape(target.shape)}`,
    );
  }
  if (!(margin >= -1 && margin <= 1))
    throw new OptionError(`cosineEmbeddingLoss: margin must be from -1 to 1, not ${margin}`);
  const length = (x: Tensor) => x.square().sum(-1).add(1e-12);
  const cosine = a
    .mul(b)
    .sum(-1)
    .div(length(a).mul(length(b)).sqrt());
  const together = where(target.eq(1), cosine.neg().add(1), 0);
  const apart = where(target.eq(-1), clamp(cosine.sub(margin), { min: 0 }), 0);
  return reduced("cosineEmbeddingLoss", together.add(apart), reduction);
}
