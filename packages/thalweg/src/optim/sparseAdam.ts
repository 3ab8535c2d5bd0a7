import type { Tensor } from "../tensor/tensor.js";
import { type Betas, checkBetas } from "./betas.js";
import { atLeast, Optimizer, type Params, type State } from "./optimizer.js";

export interface SparseAdamOptions {
  /** Learning rate. Default 0.001. */
  lr: number;
  /** How much of the mean gradient and of the mean square is kept at each step. Default [0.9, 0.999]. */
  betas: Betas;
  /** Added to the root, so that nothing is divided by zero. Default 1e-8. */
  eps: number;
  /** Climb instead of descending. Default false. */
  maximize: boolean;
}

/**
 * Adam's lazy variant for embeddings with sparse gradients: rows that a step does not touch keep their averages as they
 * are, which is not what Adam would do, but what PyTorch does. (For RMSProp no such bargain is needed, see
 * {@link RMSprop}.)
 *
 * For touched rows: m ← m + (1 − β₁)(g − m),  v ← v + (1 − β₂)(g² − v),
 * p ← p − lr · √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε), t counting all steps.
 *
 * Meaning and defaults are those of `torch.optim.SparseAdam`.
 */
export class SparseAdam extends Optimizer<SparseAdamOptions> {
  static readonly elementwise = true;
  override readonly rule: string = "SparseAdam";

  constructor(params: Params<SparseAdamOptions>, options: Partial<SparseAdamOptions> = {}) {
    super(params, { lr: 0.001, betas: [0.9, 0.999], eps: 1e-8, maximize: false }, options);
  }

  update(p: Tensor, gradient: Tensor, state: State, options: SparseAdamOptions, step: number): Tensor {
    const { lr, eps, maximize } = options;
    const [beta1, beta2] = options.betas;
    const g = maximize ? gradient.neg() : gradient;
    state.expAvg = state.expAvg.add(g.sub(state.expAvg).mul(1 - beta1));
    state.expAvgSq = state.expAvgSq.add(
      g
        .square()
        .sub(state.expAvgSq)
        .mul(1 - beta2),
    );
    const correction = Math.sqrt(1 - beta2 ** step) / (1 - beta1 ** step);
    return p.sub(state.expAvg.div(state.expAvgSq.sqrt().add(eps)).mul(lr * correction));
  }

  /** Nothing happens to rows that are not touched. */
  override idle(p: Tensor): Tensor {
    return p;
  }

  /** What the mean gradient is multiplied with. */
  protected override stepSize(_p: Tensor, state: State, { lr, betas, eps }: SparseAdamOptions, step: number): Tensor {
    const correction = Math.sqrt(1 - betas[1] ** step) / (1 - betas[0] ** step);
    return state.expAvgSq
      .sqrt()
      .add(eps)
      .reciprocal()
      .mul(lr * correction);
  }

  protected override validate({ lr, betas, eps }: SparseAdamOptions): void {
    for (const [name, value] of Object.entries({ lr, eps })) atLeast("SparseAdam", name, value, 0);
    checkBetas("SparseAdam", betas);
  }
}
