/** Losses of numbers against numbers: every element of the input has its target. As in `torch.nn.functional`. */
import { OptionError } from "../../errors.js";
import { where } from "../../tensor/elementwise.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type ReductionOptions, reduced, requireSameShape } from "./reduction.js";

/** (x - y)². */
export function mseLoss(input: Tensor, target: Tensor, { reduction }: ReductionOptions = {}): Tensor {
  requireSameShape("mseLoss", input, target);
  return reduced("mseLoss", input.sub(target).square(), reduction);
}

/** |x - y|. */
export function l1Loss(input: Tensor, target: Tensor, { reduction }: ReductionOptions = {}): Tensor {
  requireSameShape("l1Loss", input, target);
  return reduced("l1Loss", input.sub(target).abs(), reduction);
}

/** d² / (2 beta) where d = |x - y| is below beta, d - beta/2 elsewhere. Default beta 1; with 0 it is {@link l1Loss}. */
export function smoothL1Loss(
  input: Tensor,
  target: Tensor,
  { beta = 1, reduction }: { beta?: number | undefined } & ReductionOptions = {},
): Tensor {
  requireSameShape("smoothL1Loss", input, target);
  if (!(beta >= 0)) throw new OptionError(`smoothL1Loss: beta must be 0 or more, not ${beta}`);
  if (beta === 0) return l1Loss(input, target, { reduction });
  const difference = input.sub(target);
  const distance = difference.abs();
  const near = difference.square().mul(0.5).div(beta);
  return reduced("smoothL1Loss", where(distance.lt(beta), near, distance.sub(0.5 * beta)), reduction);
}

/** d² / 2 where d = |x - y| is at most delta, delta · (d - delta/2) elsewhere. Default delta 1. */
export function huberLoss(
  input: Tensor,
  target: Tensor,
  { delta = 1, reduction }: { delta?: number | undefined } & ReductionOptions = {},
): Tensor {
  requireSameShape("huberLoss", input, target);
  if (!(delta > 0)) throw new OptionError(`huberLoss: delta must be over 0, not ${delta}`);
  const difference = input.sub(target);
  const distance = difference.abs();
  const far = distance.sub(0.5 * delta).mul(delta);
  return reduced("huberLoss", where(distance.le(delta), difference.square().mul(0.5), far), reduction);
}
