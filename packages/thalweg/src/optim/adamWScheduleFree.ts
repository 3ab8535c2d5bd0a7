import { OptionError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Betas, checkBetas } from "./betas.js";
import { atLeast, type Params, type State } from "./optimizer.js";
import { ScheduleFree, type ScheduleFreeOptions, type ScheduleFreeProgress, start, warm } from "./scheduleFree.js";

export interface AdamWScheduleFreeOptions extends ScheduleFreeOptions {
  /** Learning rate. Default 0.0025. */
  lr: number;
  /** How far from z towards the average x gradients are taken (above 0), and how much of the mean square is kept. Default [0.9, 0.999]. */
  betas: Betas;
  /** Added to the root, so that nothing is divided by zero. Default 1e-8. */
  eps: number;
}

type All = AdamWScheduleFreeOptions & ScheduleFreeProgress;

/**
 * Schedule-free AdamW: the gradient is divided by its root mean square, as in Adam, and averaging takes the place of
 * Adam's momentum. See {@link ScheduleFree} for the rule, and for `train()` and `eval()`.
 *
 * v ← β₂ v + (1 − β₂) g²,  d = g / (√(v / (1 − β₂ᵏ)) + ε) + λ y,
 * z ← z − lr d,  x ← (1 − c) x + c z,  y = (1 − β₁) z + β₁ x
 */
export class AdamWScheduleFree extends ScheduleFree<All> {
  override readonly rule: string = "AdamWScheduleFree";

  constructor(params: Params<All>, options: Partial<AdamWScheduleFreeOptions> = {}) {
    super(
      params,
      { lr: 0.0025, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, warmupSteps: 0, r: 0, weightLrPower: 2, ...start },
      options,
    );
  }

  protected towardsAverage({ betas }: All): number {
    return betas[0];
  }

  protected direction(y: Tensor, g: Tensor, state: State, options: All): Tensor {
    const { betas, weightDecay } = options;
    state.expAvgSq = state.expAvgSq!.mul(betas[1]).add(g.square().mul(1 - betas[1]));
    const scaled = g.div(denominator(state, options));
    return weightDecay === 0 ? scaled : scaled.add(y.mul(weightDecay));
  }

  /** That of z. */
  protected override stepSize(_p: Tensor, state: State, options: All): Tensor {
    return denominator(state, options).reciprocal().mul(warm(options));
  }

  protected override validate(options: All): void {
    super.validate(options);
    atLeast("AdamWScheduleFree", "eps", options.eps, 0);
    checkBetas("AdamWScheduleFree", options.betas);
    if (options.betas[0] === 0) throw new OptionError("AdamWScheduleFree: betas[0] must be above 0");
  }
}

/** √(v / (1 − β₂ᵏ)) + ε */
function denominator(state: Readonly<State>, { betas, eps, k }: All): Tensor {
  return state
    .expAvgSq!.div(1 - betas[1] ** k)
    .sqrt()
    .add(eps);
}
