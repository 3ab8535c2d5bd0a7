import { full } from "../tensor/create.js";
import { logicalAnd, where } from "../tensor/elementwise.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Betas, checkBetas } from "./betas.js";
import { atLeast, Optimizer, type Params, type State } from "./optimizer.js";

export interface LAMBOptions {
  /** Learning rate: how far a parameter moves relative to its norm. Default 0.001. */
  lr: number;
  /** How much of the mean gradient and of the mean square is kept at each step. Default [0.9, 0.999]. */
  betas: Betas;
  /** Added to the root, so that nothing is divided by zero. Default 1e-6. */
  eps: number;
  /** This times the parameter is added to the direction. Default 0. */
  weightDecay: number;
  /** Correct both means for having started at zero; the paper does, its authors' program does not. Default true. */
  biasCorrection: boolean;
  /** Climb instead of descending. Default false. */
  maximize: boolean;
}

/**
 * LAMB: Adam's direction, scaled for each parameter so that the step is lr times the parameter's norm; made for very
 * large batches.
 *
 * m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ),
 * r = m̂ / (√v̂ + ε) + λ p,  p ← p − lr · ‖p‖ / ‖r‖ · r, with 1 for ‖p‖ / ‖r‖ where either norm is 0
 *
 * The state's `trustRatio` is the last step's ‖p‖ / ‖r‖.
 *
 * Source: Y. You et al., "Large batch optimization for deep learning: training BERT in 76 minutes" (2019), algorithm 2,
 * with the identity for its φ. Defaults are those of the authors' program, bias correction that of the paper.
 */
export class LAMB extends Optimizer<LAMBOptions> {
  override readonly rule: string = "LAMB";

  constructor(params: Params<LAMBOptions>, options: Partial<LAMBOptions> = {}) {
    super(
      params,
      { lr: 0.001, betas: [0.9, 0.999], eps: 1e-6, weightDecay: 0, biasCorrection: true, maximize: false },
      options,
    );
  }

  protected override initialState(p: Tensor): State {
    return { trustRatio: full([], 1, { dtype: p.dtype }) };
  }

  update(p: Tensor, gradient: Tensor, state: State, options: LAMBOptions, step: number): Tensor {
    const { lr, weightDecay, biasCorrection, maximize } = options;
    const [beta1, beta2] = options.betas;
    const g = maximize ? gradient.neg() : gradient;

    state.expAvg = state.expAvg.mul(beta1).add(g.mul(1 - beta1));
    state.expAvgSq = state.expAvgSq.mul(beta2).add(g.square().mul(1 - beta2));
    const mean = biasCorrection ? state.expAvg.div(1 - beta1 ** step) : state.expAvg;
    let direction = mean.div(denominator(state, options, step));
    if (weightDecay !== 0) direction = direction.add(p.mul(weightDecay));

    const size = p.norm();
    const length = direction.norm();
    state.trustRatio = where(logicalAnd(size.gt(0), length.gt(0)), size.div(length), 1);
    return p.sub(direction.mul(state.trustRatio.mul(lr)));
  }

  /** What the corrected mean gradient m̂ was multiplied with. */
  protected override stepSize(_p: Tensor, state: State, options: LAMBOptions, step: number): Tensor {
    return denominator(state, options, step).reciprocal().mul(state.trustRatio.mul(options.lr));
  }

  protected override validate({ lr, betas, eps, weightDecay }: LAMBOptions): void {
    for (const [name, value] of Object.entries({ lr, eps, weightDecay })) atLeast("LAMB", name, value, 0);
    checkBetas("LAMB", betas);
  }
}

/** √v̂ + ε */
function denominator(state: Readonly<State>, options: LAMBOptions, step: number): Tensor {
  const { betas, eps, biasCorrection } = options;
  const meanSquare = biasCorrection ? state.expAvgSq!.div(1 - betas[1] ** step) : state.expAvgSq!;
  return meanSquare.sqrt().add(eps);
}
