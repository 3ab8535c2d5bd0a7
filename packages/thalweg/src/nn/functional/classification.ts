/** Losses of scores for classes. As in `torch.nn.functional`. */
import { isFloat } from "../../dtype.js";
import { DTypeError, IndexError, OptionError, ShapeError } from "../../errors.js";
import { sameShape, showShape } from "../../graph/shape.js";
import { where } from "../../tensor/elementwise.js";
import { gather, indexSelect } from "../../tensor/indexing.js";
import { amax, logSoftmax } from "../../tensor/reduce.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type ReductionOptions, reduced } from "./reduction.js";

export interface ClassOptions extends ReductionOptions {
  /** A factor for each class, [C]. The mean is then the weighted mean. */
  weight?: Tensor | null | undefined;
  /** Targets of this class count for nothing. Default -100. */
  ignoreIndex?: number | undefined;
}

export interface CrossEntropyOptions extends ClassOptions {
  /** The part of each target that is spread over all classes, 0 to 1. Default 0. */
  labelSmoothing?: number | undefined;
}

/**
 * Cross-entropy of scores: -log softmax(x)[y].
 *
 * @param input - scores (logits), [N, C], [C] or [N, C, d1, …]
 * @param target - int32 classes, [N], [] or [N, d1, …]; or probabilities of the input's shape
 * @throws IndexError if a class is not one of 0 … C-1 (computed targets: when the plan runs)
 */
export function crossEntropy(
  input: Tensor,
  target: Tensor,
  { labelSmoothing = 0, ...options }: CrossEntropyOptions = {},
): Tensor {
  const dim = classDim("crossEntropy", input);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
    throw new OptionError(`crossEntropy: labelSmoothing must be from 0 to 1, not ${labelSmoothing}`);
  if (isFloat(target.dtype))
    return softCrossEntropy(logSoftmax(input, dim), target, dim, { labelSmoothing, ...options });
  if (labelSmoothing > 0)
    return ofClasses("crossEntropy", logSoftmax(input, dim), target, { labelSmoothing, ...options });
  return ofClasses("crossEntropy", input, target, options, logSoftmaxAt);
}

/**
 * `gather(logSoftmax(x, dim), dim, index)`, bit for bit, for which the logarithms that nobody asks for are not computed, let
 * alone stored: scores are read twice, for the largest and for the sum.
 */
function logSoftmaxAt(x: Tensor, dim: number, index: Tensor): Tensor {
  const largest = amax(x.detach(), dim, { keepdim: true });
  const sum = x.sub(largest).exp().sum(dim, { keepdim: true });
  return gather(x, dim, index).sub(largest).sub(sum.log());
}

/**
 * Negative log-likelihood: -x[y].
 *
 * @param input - logarithms of probabilities, [N, C], [C] or [N, C, d1, …]
 * @param target - int32 classes, [N], [] or [N, d1, …]
 */
export function nllLoss(input: Tensor, target: Tensor, options: ClassOptions = {}): Tensor {
  classDim("nllLoss", input);
  return ofClasses("nllLoss", input, target, { labelSmoothing: 0, ...options });
}

function classDim(operation: string, input: Tensor): number {
  if (!isFloat(input.dtype)) throw new DTypeError(`${operation}: expects floats as input, got ${input.dtype}`);
  if (input.ndim === 0) throw new ShapeError(`${operation}: expects scores of classes, [N, C] or [C], got a number`);
  return input.ndim === 1 ? 0 : 1;
}

function softCrossEntropy(
  logs: Tensor,
  target: Tensor,
  dim: number,
  { labelSmoothing = 0, weight, reduction = "mean" }: CrossEntropyOptions,
): Tensor {
  if (!sameShape(logs.shape, target.shape)) {
    throw new ShapeError(
      `crossEntropy: probabilities as target need the input's shape ${showShape(logs.shape)}, got ${showShape(target.shape)}; ` +
        'for classes use to("int32")',
    );
  }
  const classes = logs.shape[dim]!;
  const smoothed = labelSmoothing === 0 ? target : target.mul(1 - labelSmoothing).add(labelSmoothing / classes);
  const terms = weight ? logs.mul(smoothed).mul(perClass("crossEntropy", weight, logs, dim)) : logs.mul(smoothed);
  const losses = terms.sum(dim).neg();
  return reduced("crossEntropy", losses, reduction);
}

/** The weights of classes, in a shape that broadcasts over scores. */
function perClass(operation: string, weight: Tensor, logs: Tensor, dim: number): Tensor {
  if (!sameShape(weight.shape, [logs.shape[dim]!])) {
    throw new ShapeError(
      `${operation}: weight must have one element for each of ${logs.shape[dim]} classes, got ${showShape(weight.shape)}`,
    );
  }
  return weight.reshape(logs.shape.map((size, d) => (d === dim ? size : 1)));
}

/** @param at - the logarithms of some classes' probabilities, from `logs`, which need not be logarithms themselves then */
function ofClasses(
  operation: string,
  logs: Tensor,
  target: Tensor,
  { labelSmoothing = 0, weight, ignoreIndex = -100, reduction = "mean" }: CrossEntropyOptions,
  at: (logs: Tensor, dim: number, index: Tensor) => Tensor = gather,
): Tensor {
  const dim = logs.ndim === 1 ? 0 : 1;
  const shape = logs.shape.filter((_, d) => d !== dim);
  if (target.dtype !== "int32")
    throw new DTypeError(`${operation}: classes must be int32, not ${target.dtype}; use to("int32")`);
  if (!sameShape(target.shape, shape)) {
    throw new ShapeError(
      `${operation}: scores of shape ${showShape(logs.shape)} need classes of shape ${showShape(shape)}, got ${showShape(target.shape)}`,
    );
  }
  const classes = logs.shape[dim]!;
  const counted = mayIgnore(operation, target, ignoreIndex, classes) ? target.ne(ignoreIndex) : null;
  const zeroed = (x: Tensor): Tensor => (counted === null ? x : where(counted, x, 0));
  const index = counted === null ? target : where(counted, target, 0);
  let losses = at(logs, dim, index.unsqueeze(dim)).reshape(shape).neg();
  let importance = counted === null ? null : where(counted, 1, 0).to(logs.dtype);
  if (weight) {
    importance = zeroed(indexSelect(weight, 0, index.reshape([index.numel])).reshape(shape));
    losses = losses.mul(importance);
  }
  losses = zeroed(losses);
  if (labelSmoothing > 0) {
    const spread = weight ? logs.mul(perClass(operation, weight, logs, dim)) : logs;
    const even = zeroed(spread.sum(dim).neg()).mul(labelSmoothing / classes);
    losses = losses.mul(1 - labelSmoothing).add(even);
  }
  if (reduction !== "mean" || importance === null) return reduced(operation, losses, reduction);
  return losses.sum().div(importance.sum());
}

/**
 * Whether a target may hold the class that counts for nothing. Where its values are there they are looked at, and wrong
 * classes are refused here, where the mistake is.
 */
function mayIgnore(operation: string, target: Tensor, ignoreIndex: number, classes: number): boolean {
  const { buffer, strides, offset } = target.node;
  if (buffer === null || buffer.host === null || strides !== null) return true;
  let ignores = false;
  for (let i = offset; i < offset + target.numel; i++) {
    const at = buffer.host[i]!;
    if (at === ignoreIndex) ignores = true;
    else if (at < 0 || at >= classes) {
      throw new IndexError(
        `${operation}: class ${at} in the target is not one of the ${classes} classes 0 to ${classes - 1}` +
          (classes === 1 ? " (for one score per sample use binaryCrossEntropyWithLogits)" : ""),
      );
    }
  }
  return ignores;
}
