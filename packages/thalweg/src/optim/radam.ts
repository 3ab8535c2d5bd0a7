import { fullLike } from "../tensor/create.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Betas, checkBetas } from "./betas.js";
import { atLeast, Optimizer, type Params, type State } from "./optimizer.js";

export interface RAdamOptions {
  /** Learning rate. Default 0.001. */
  lr: number;
  /** How much of the mean gradient and of the mean square is kept at each step. Default [0.9, 0.999]. */
  betas: Betas;
  /** Added to the root, so that nothing is divided by zero. Default 1e-8. */
  eps: number;
  /** This times the parameter is added to its gradient; see decoupledWeightDecay. Default 0. */
  weightDecay: number;
  /** Climb instead of descending. Default false. */
  maximize: boolean;
  /** Shrink the parameter by lr · weightDecay instead of adding to the gradient. Default false. */
  decoupledWeightDecay: boolean;
}

/**
 * RAdam: Adam that goes by the mean gradient alone until enough steps have been made to trust the mean square, and then
 * only as far as it can be trusted.
 *
 * m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,  m̂ = m / (1 − β₁ᵗ),
 * ρ∞ = 2 / (1 − β₂) − 1,  ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ),
 * ρ > 5: p ← p − lr · r · √(1 − β₂ᵗ) · m̂ / (√v + ε) with r² = (ρ − 4)(ρ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρ);
 * otherwise p ← p − lr · m̂
 *
 * Source: L. Liu et al., "On the variance of the adaptive learning rate and beyond" (2019). Meaning and defaults are
 * those of `torch.optim.RAdam`.
 */
export class RAdam extends Optimizer<RAdamOptions> {
  static readonly elementwise = true;
  override readonly rule: string = "RAdam";

  constructor(params: Params<RAdamOptions>, options: Partial<RAdamOptions> = {}) {
    super(
      params,
      { lr: 0.001, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false, decoupledWeightDecay: false },
      options,
    );
  }

  update(parameter: Tensor, gradient: Tensor, state: State, options: RAdamOptions, step: number): Tensor {
    const { lr, eps, weightDecay, maximize, decoupledWeightDecay } = options;
    const [beta1, beta2] = options.betas;
    let p = parameter;
    let g = maximize ? gradient.neg() : gradient;
    if (weightDecay !== 0) {
      if (decoupledWeightDecay) p = p.mul(1 - lr * weightDecay);
      else g = g.add(p.mul(weightDecay));
    }

    state.expAvg = state.expAvg.mul(beta1).add(g.mul(1 - beta1));
    state.expAvgSq = state.expAvgSq.mul(beta2).add(g.square().mul(1 - beta2));
    const rate = lr / (1 - beta1 ** step);
    const trust = rectification(beta2, step);
    if (trust === null) return p.sub(state.expAvg.mul(rate));
    return p.sub(state.expAvg.div(state.expAvgSq.sqrt().add(eps)).mul(rate * trust));
  }

  /** What the corrected mean gradient m̂ is multiplied with. */
  protected override stepSize(p: Tensor, state: State, { lr, betas, eps }: RAdamOptions, step: number): Tensor {
    const trust = rectification(betas[1], step);
    if (trust === null) return fullLike(p, lr);
    return state.expAvgSq
      .sqrt()
      .add(eps)
      .reciprocal()
      .mul(lr * trust);
  }

  protected override validate({ lr, betas, eps, weightDecay }: RAdamOptions): void {
    for (const [name, value] of Object.entries({ lr, eps, weightDecay })) atLeast("RAdam", name, value, 0);
    checkBetas("RAdam", betas);
  }
}

/** r · √(1 − β₂ᵗ), or null while the mean square has come from too few gradients. */
function rectification(beta2: number, step: number): number | null {
  const correction = 1 - beta2 ** step;
  const longest = 2 / (1 - beta2) - 1;
  const length = longest - (2 * step * beta2 ** step) / correction;
  if (length <= 5) return null;
  const squared = ((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length);
  return Math.sqrt(squared) * Math.sqrt(correction);
}
