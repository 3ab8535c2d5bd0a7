import type { Tensor } from "../tensor/tensor.js";
import { atLeast, type Numbers, Optimizer, type Params, type State } from "./optimizer.js";

export interface ASGDOptions {
  /** Learning rate at the first step. Default 0.01. */
  lr: number;
  /** How fast the learning rate falls; also the part of the parameter that each step takes away. Default 1e-4. */
  lambd: number;
  /** Power with which the learning rate falls. Default 0.75. */
  alpha: number;
  /** The step after which averaging starts. Default 1e6. */
  t0: number;
  /** L2 penalty: this times the parameter is added to its gradient. Default 0. */
  weightDecay: number;
  /** Climb instead of descending. Default false. */
  maximize: boolean;
}

/**
 * Averaged gradient descent: steps that shrink by a power law, and the mean of the parameter from step t₀ on in the
 * state's `ax`.
 *
 * η = lr / (1 + λ lr (t − 1))^α,  p ← (1 − λ η) p − η g,  ax ← ax + (p − ax) / max(1, t − 1 − t₀)
 *
 * As in PyTorch, η is computed at the end of the step before, with the learning rate of then.
 *
 * Source: B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging" (1992). Meaning and
 * defaults are those of `torch.optim.ASGD`.
 */
export class ASGD extends Optimizer<ASGDOptions> {
  static readonly elementwise = true;
  override readonly rule: string = "ASGD";

  constructor(params: Params<ASGDOptions>, options: Partial<ASGDOptions> = {}) {
    super(params, { lr: 0.01, lambd: 1e-4, alpha: 0.75, t0: 1e6, weightDecay: 0, maximize: false }, options);
  }

  override initialNumbers({ lr }: ASGDOptions): { eta: number } {
    return { eta: lr };
  }

  update(p: Tensor, gradient: Tensor, state: State, options: ASGDOptions, step: number, numbers: Numbers): Tensor {
    const { lr, lambd, alpha, t0, weightDecay, maximize } = options;
    let g = maximize ? gradient.neg() : gradient;
    if (weightDecay !== 0) g = g.add(p.mul(weightDecay));

    const { eta } = numbers as { eta: number };
    const value = p.mul(1 - lambd * eta).sub(g.mul(eta));
    const share = 1 / Math.max(1, step - 1 - t0);
    state.ax = share === 1 ? value : state.ax.add(value.sub(state.ax).mul(share));
    numbers.eta = lr / (1 + lambd * lr * step) ** alpha;
    return value;
  }

  /** That of the next step. */
  protected override stepSize(p: Tensor, state: State): Tensor {
    return state.eta.to(p.dtype).expand(p.shape);
  }

  protected override validate({ lr, lambd, alpha, weightDecay }: ASGDOptions): void {
    for (const [name, value] of Object.entries({ lr, lambd, alpha, weightDecay })) atLeast("ASGD", name, value, 0);
  }
}
