import type { Tensor } from "../tensor/tensor.js";
import { type Betas, checkBetas } from "./betas.js";
import { atLeast, type Numbers, Optimizer, type Params, type State } from "./optimizer.js";

export interface NAdamOptions {
  /** Learning rate. Default 0.002. */
  lr: number;
  /** How much of the mean gradient and of the mean square is kept at each step. Default [0.9, 0.999]. */
  betas: Betas;
  /** Added to the root, so that nothing is divided by zero. Default 1e-8. */
  eps: number;
  /** This times the parameter is added to its gradient; see decoupledWeightDecay. Default 0. */
  weightDecay: number;
  /** How fast the momentum grows towards β₁. Default 0.004. */
  momentumDecay: number;
  /** Climb instead of descending. Default false. */
  maximize: boolean;
  /** Shrink the parameter by lr · weightDecay instead of adding to the gradient. Default false. */
  decoupledWeightDecay: boolean;
}

/**
 * NAdam: Adam with Nesterov's look-ahead, and a momentum that grows from β₁/2 to β₁.
 *
 * μₜ = β₁ (1 − ½ · 0.96^(t ψ)),  Πₜ = μ₁ μ₂ … μₜ,  m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,
 * m̂ = μₜ₊₁ m / (1 − Πₜ₊₁) + (1 − μₜ) g / (1 − Πₜ),  p ← p − lr · m̂ / (√(v / (1 − β₂ᵗ)) + ε)
 *
 * Source: T. Dozat, "Incorporating Nesterov momentum into Adam" (2016). Meaning and defaults are those of
 * `torch.optim.NAdam`.
 */
export class NAdam extends Optimizer<NAdamOptions> {
  static readonly elementwise = true;
  override readonly rule: string = "NAdam";

  constructor(params: Params<NAdamOptions>, options: Partial<NAdamOptions> = {}) {
    super(
      params,
      {
        lr: 0.002,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weightDecay: 0,
        momentumDecay: 0.004,
        maximize: false,
        decoupledWeightDecay: false,
      },
      options,
    );
  }

  override initialNumbers(): { muProduct: number } {
    return { muProduct: 1 };
  }

  update(
    parameter: Tensor,
    gradient: Tensor,
    state: State,
    options: NAdamOptions,
    step: number,
    numbers: Numbers,
  ): Tensor {
    const { lr, weightDecay, momentumDecay, maximize, decoupledWeightDecay } = options;
    const [beta1, beta2] = options.betas;
    let p = parameter;
    let g = maximize ? gradient.neg() : gradient;
    if (weightDecay !== 0) {
      if (decoupledWeightDecay) p = p.mul(1 - lr * weightDecay);
      else g = g.add(p.mul(weightDecay));
    }

    const mu = beta1 * (1 - 0.5 * 0.96 ** (step * momentumDecay));
    const muNext = beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * momentumDecay));
    const product = numbers.muProduct! * mu;
    numbers.muProduct = product;
    state.expAvg = state.expAvg.mul(beta1).add(g.mul(1 - beta1));
    state.expAvgSq = state.expAvgSq.mul(beta2).add(g.square().mul(1 - beta2));

    const ofMean = muNext / (1 - product * muNext);
    const ofGradient = (1 - mu) / (1 - product);
    const lookingAhead = state.expAvg.mul(ofMean).add(g.mul(ofGradient));
    return p.sub(lookingAhead.div(denominator(state, options, step)).mul(lr));
  }

  /** What m̂ is multiplied with. */
  protected override stepSize(_p: Tensor, state: State, options: NAdamOptions, step: number): Tensor {
    return denominator(state, options, step).reciprocal().mul(options.lr);
  }

  protected override validate({ lr, betas, eps, weightDecay, momentumDecay }: NAdamOptions): void {
    for (const [name, value] of Object.entries({ lr, eps, weightDecay, momentumDecay }))
      atLeast("NAdam", name, value, 0);
    checkBetas("NAdam", betas);
  }
}

/** √(v / (1 − β₂ᵗ)) + ε */
const denominator = (state: Readonly<State>, { betas, eps }: NAdamOptions, step: number): Tensor =>
  state
    .expAvgSq!.div(1 - betas[1] ** step)
    .sqrt()
    .add(eps);
