import { maximum } from "../tensor/elementwise.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Betas, checkBetas } from "./betas.js";
import { atLeast, Optimizer, type Params, type State } from "./optimizer.js";

export interface AdamOptions {
  /** Learning rate. Default 0.001. */
  lr: number;
  /** How much of the mean gradient and of the mean square is kept at each step. Default [0.9, 0.999]. */
  betas: Betas;
  /** Added to the root, so that nothing is divided by zero. Default 1e-8. */
  eps: number;
  /** This times the parameter is added to its gradient; see decoupledWeightDecay. Default 0, in AdamW 0.01. */
  weightDecay: number;
  /** Divide by the largest mean square so far, so that step sizes never grow. Default false. */
  amsgrad: boolean;
  /** Climb instead of descending. Default false. */
  maximize: boolean;
  /** Shrink the parameter by lr · weightDecay instead of adding to the gradient. Default false, in AdamW true. */
  decoupledWeightDecay: boolean;
}

/**
 * Adam: RMSProp of a running mean of the gradient, both means corrected for having started at zero.
 *
 * m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,
 * m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ),  p ← p − lr · m̂ / (√v̂ + ε)
 *
 * AMSGrad: v̂ from the largest v so far. Decoupled weight decay λ: first p ← (1 − lr λ) p.
 *
 * Sources: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization" (2014); AMSGrad: S. J. Reddi, S. Kale,
 * S. Kumar, "On the convergence of Adam and beyond" (2018). Meaning and defaults are those of `torch.optim.Adam`.
 */
export class Adam extends Optimizer<AdamOptions> {
  static readonly elementwise = true;
  override readonly rule: string = "Adam";

  constructor(params: Params<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super(
      params,
      {
        lr: 0.001,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weightDecay: 0,
        amsgrad: false,
        maximize: false,
        decoupledWeightDecay: false,
      },
      options,
    );
  }

  update(parameter: Tensor, gradient: Tensor, state: State, options: AdamOptions, step: number): Tensor {
    const { lr, weightDecay, amsgrad, maximize, decoupledWeightDecay } = options;
    const [beta1, beta2] = options.betas;
    let p = parameter;
    let g = maximize ? gradient.neg() : gradient;
    if (weightDecay !== 0) {
      if (decoupledWeightDecay) p = p.mul(1 - lr * weightDecay);
      else g = g.add(p.mul(weightDecay));
    }

    state.expAvg = state.expAvg.mul(beta1).add(g.mul(1 - beta1));
    state.expAvgSq = state.expAvgSq.mul(beta2).add(g.square().mul(1 - beta2));
    if (amsgrad) state.maxExpAvgSq = maximum(state.maxExpAvgSq, state.expAvgSq);
    return p.sub(state.expAvg.div(denominator(state, options, step)).mul(lr / (1 - beta1 ** step)));
  }

  /** What the corrected mean gradient m̂ is multiplied with. */
  protected override stepSize(_p: Tensor, state: State, options: AdamOptions, step: number): Tensor {
    return denominator(state, options, step).reciprocal().mul(options.lr);
  }

  protected override validate({ lr, betas, eps, weightDecay }: AdamOptions): void {
    for (const [name, value] of Object.entries({ lr, eps, weightDecay })) atLeast("Adam", name, value, 0);
    checkBetas("Adam", betas);
  }
}

/** √v̂ + ε */
function denominator(state: Readonly<State>, { betas, eps, amsgrad }: AdamOptions, step: number): Tensor {
  const meanSquare = amsgrad ? state.maxExpAvgSq : state.expAvgSq;
  return meanSquare!
    .sqrt()
    .div(Math.sqrt(1 - betas[1] ** step))
    .add(eps);
}

/**
 * Adam with decoupled weight decay: the parameter shrinks by lr · weightDecay at each step, whatever its gradient's size.
 *
 * Source: I. Loshchilov, F. Hutter, "Decoupled weight decay regularization" (2017). Meaning and defaults are those of
 * `torch.optim.AdamW`: Adam's, but weightDecay 0.01.
 */
export class AdamW extends Adam {
  override readonly rule: string = "AdamW";

  constructor(params: Params<AdamOptions>, options: Partial<Omit<AdamOptions, "decoupledWeightDecay">> = {}) {
    super(params, { ...options, weightDecay: options.weightDecay ?? 0.01, decoupledWeightDecay: true });
  }
}
