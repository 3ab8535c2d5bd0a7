import { OptionError } from "../errors.js";
import { fullLike } from "../tensor/create.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Params, State } from "./optimizer.js";
import { ScheduleFree, type ScheduleFreeOptions, type ScheduleFreeProgress, start, warm } from "./scheduleFree.js";

export interface SGDScheduleFreeOptions extends ScheduleFreeOptions {
  /** Learning rate. Default 1. */
  lr: number;
  /** β: how far from z towards the average x gradients are taken; above 0 and below 1. Default 0.9. */
  momentum: number;
}

/**
 * Schedule-free gradient descent: d = g + λ y. See {@link ScheduleFree} for the rule, and for `train()` and `eval()`.
 *
 * z ← z − lr (g + λ y),  x ← (1 − c) x + c z,  y = (1 − β) z + β x
 */
export class SGDScheduleFree extends ScheduleFree<SGDScheduleFreeOptions & ScheduleFreeProgress> {
  override readonly rule: string = "SGDScheduleFree";

  constructor(
    params: Params<SGDScheduleFreeOptions & ScheduleFreeProgress>,
    options: Partial<SGDScheduleFreeOptions> = {},
  ) {
    super(params, { lr: 1, momentum: 0.9, weightDecay: 0, warmupSteps: 0, r: 0, weightLrPower: 2, ...start }, options);
  }

  protected towardsAverage({ momentum }: SGDScheduleFreeOptions): number {
    return momentum;
  }

  protected direction(y: Tensor, g: Tensor, _state: State, { weightDecay }: SGDScheduleFreeOptions): Tensor {
    return weightDecay === 0 ? g : g.add(y.mul(weightDecay));
  }

  /** That of z. */
  protected override stepSize(p: Tensor, _: State, options: SGDScheduleFreeOptions & ScheduleFreeProgress): Tensor {
    return fullLike(p, warm(options));
  }

  protected override validate(options: SGDScheduleFreeOptions & ScheduleFreeProgress): void {
    super.validate(options);
    const { momentum } = options;
    if (!(momentum > 0 && momentum < 1)) {
      throw new OptionError(`SGDScheduleFree: momentum must be above 0 and below 1, got ${momentum}`);
    }
  }
}
