import { fullLike } from "../tensor/create.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Betas, checkBetas } from "./betas.js";
import { atLeast, Optimizer, type Params, type State } from "./optimizer.js";

export interface LionOptions {
  /** Learning rate: every element moves by this. Default 1e-4; the paper advises a third to a tenth of AdamW's. */
  lr: number;
  /** How much of the mean gradient counts in the direction, and how much of it is kept. Default [0.9, 0.99]. */
  betas: Betas;
  /** The parameter shrinks by lr · weightDecay at each step. Default 0. */
  weightDecay: number;
  /** Climb instead of descending. Default false. */
  maximize: boolean;
}

/**
 * Lion: step by the sign of an interpolation between the mean gradient and the gradient.
 *
 * p ← (1 − lr λ) p − lr · sign(β₁ m + (1 − β₁) g),  m ← β₂ m + (1 − β₂) g
 *
 * Source: X. Chen et al., "Symbolic discovery of optimization algorithms" (2023). Defaults are the paper's.
 */
export class Lion extends Optimizer<LionOptions> {
  static readonly elementwise = true;
  override readonly rule: string = "Lion";

  constructor(params: Params<LionOptions>, options: Partial<LionOptions> = {}) {
    super(params, { lr: 1e-4, betas: [0.9, 0.99], weightDecay: 0, maximize: false }, options);
  }

  update(parameter: Tensor, gradient: Tensor, state: State, options: LionOptions): Tensor {
    const { lr, weightDecay, maximize } = options;
    const [beta1, beta2] = options.betas;
    const p = weightDecay === 0 ? parameter : parameter.mul(1 - lr * weightDecay);
    const g = maximize ? gradient.neg() : gradient;

    const direction = state.expAvg
      .mul(beta1)
      .add(g.mul(1 - beta1))
      .sign();
    state.expAvg = state.expAvg.mul(beta2).add(g.mul(1 - beta2));
    return p.sub(direction.mul(lr));
  }

  /** What the sign was multiplied with: the same for all elements. */
  protected override stepSize(p: Tensor, _state: State, { lr }: LionOptions): Tensor {
    return fullLike(p, lr);
  }

  protected override validate({ lr, betas, weightDecay }: LionOptions): void {
    for (const [name, value] of Object.entries({ lr, weightDecay })) atLeast("Lion", name, value, 0);
    checkBetas("Lion", betas);
  }
}
