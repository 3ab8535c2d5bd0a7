import { maximum } from "../tensor/elementwise.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Betas, checkBetas } from "./betas.js";
import { atLeast, Optimizer, type Params, type State } from "./optimizer.js";

export interface AdamaxOptions {
  /** Learning rate. Default 0.002. */
  lr: number;
  /** How much of the mean gradient and of the largest gradient is kept at each step. Default [0.9, 0.999]. */
  betas: Betas;
  /** Added to the gradient's size, so that nothing is divided by zero. Default 1e-8. */
  eps: number;
  /** L2 penalty: this times the parameter is added to its gradient. Default 0. */
  weightDecay: number;
  /** Climb instead of descending. Default false. */
  maximize: boolean;
}

/**
 * Adamax: Adam with the decaying largest gradient in place of the root mean square.
 *
 * m ← β₁ m + (1 − β₁) g,  u ← max(β₂ u, |g| + ε),  p ← p − lr / (1 − β₁ᵗ) · m / u
 *
 * Source: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization" (2014), section 7. Meaning and defaults are
 * those of `torch.optim.Adamax`.
 */
export class Adamax extends Optimizer<AdamaxOptions> {
  static readonly elementwise = true;
  override readonly rule: string = "Adamax";

  constructor(params: Params<AdamaxOptions>, options: Partial<AdamaxOptions> = {}) {
    super(params, { lr: 0.002, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false }, options);
  }

  update(p: Tensor, gradient: Tensor, state: State, options: AdamaxOptions, step: number): Tensor {
    const { lr, eps, weightDecay, maximize } = options;
    const [beta1, beta2] = options.betas;
    let g = maximize ? gradient.neg() : gradient;
    if (weightDecay !== 0) g = g.add(p.mul(weightDecay));

    state.expAvg = state.expAvg.mul(beta1).add(g.mul(1 - beta1));
    state.expInf = maximum(state.expInf.mul(beta2), g.abs().add(eps));
    return p.sub(state.expAvg.div(state.expInf).mul(lr / (1 - beta1 ** step)));
  }

  /** What the corrected mean gradient m / (1 − β₁ᵗ) is multiplied with. */
  protected override stepSize(_p: Tensor, state: State, { lr }: AdamaxOptions): Tensor {
    return state.expInf.reciprocal().mul(lr);
  }

  protected override validate({ lr, betas, eps, weightDecay }: AdamaxOptions): void {
    for (const [name, value] of Object.entries({ lr, eps, weightDecay })) atLeast("Adamax", name, value, 0);
    checkBetas("Adamax", betas);
  }
}
