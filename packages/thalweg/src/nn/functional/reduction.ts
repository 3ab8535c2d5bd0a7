import { isFloat } from "../../dtype.js";
import { DTypeError, OptionError, ShapeError } from "../../errors.js";
import { sameShape, showShape } from "../../graph/shape.js";
import type { Tensor } from "../../tensor/tensor.js";

/** What becomes of the losses of single elements (or samples): their mean, their sum, or nothing. */
export type Reduction = "mean" | "sum" | "none";

export interface ReductionOptions {
  /** Default "mean". */
  reduction?: Reduction | undefined;
}

/** @param losses - one for each element (or sample) */
export function reduced(operation: string, losses: Tensor, reduction: Reduction = "mean"): Tensor {
  switch (reduction) {
    case "mean":
      return losses.mean();
    case "sum":
      return losses.sum();
    case "none":
      return losses;
    default:
      throw new OptionError(`${operation}: reduction must be "mean", "sum" or "none", not "${String(reduction)}"`);
  }
}

/**
 * Refuses a target of another shape: broadcasting [n] against [n, 1] gives n × n differences, and a loss that means
 * nothing. (PyTorch warns.)
 */
export function requireSameShape(operation: string, input: Tensor, target: Tensor): void {
  if (!isFloat(input.dtype)) throw new DTypeError(`${operation}: expects floats as input, got ${input.dtype}`);
  if (sameShape(input.shape, target.shape)) return;
  throw new ShapeError(
    `${operation}: input ${showShape(input.shape)} and target ${showShape(target.shape)} must have one shape; ` +
      "use reshape or expand on one of them",
  );
}
