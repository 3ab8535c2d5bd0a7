import { fullLike } from "../tensor/create.js";
import type { Tensor } from "../tensor/tensor.js";
import { atLeast, Optimizer, type Params, type State } from "./optimizer.js";

export interface AdagradOptions {
  /** Learning rate. Default 0.01. */
  lr: number;
  /** How fast the learning rate falls: at step t it is lr / (1 + (t − 1) lrDecay). Default 0. */
  lrDecay: number;
  /** L2 penalty: this times the parameter is added to its gradient. Default 0. */
  weightDecay: number;
  /** What the sum of squares starts at. Default 0. */
  initialAccumulatorValue: number;
  /** Added to the root, so that nothing is divided by zero. Default 1e-10. */
  eps: number;
  /** Climb instead of descending. Default false. */
  maximize: boolean;
}

/**
 * Adagrad: divide each gradient by the root of the sum of all its squares so far. Steps only ever shrink, least where
 * gradients are rare.
 *
 * s ← s + g²,  p ← p − lr / (1 + (t − 1) lrDecay) · g / (√s + ε)
 *
 * Source: J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic optimization"
 * (2011). Meaning and defaults are those of `torch.optim.Adagrad`.
 */
export class Adagrad extends Optimizer<AdagradOptions> {
  static readonly elementwise = true;
  override readonly rule: string = "Adagrad";

  constructor(params: Params<AdagradOptions>, options: Partial<AdagradOptions> = {}) {
    super(
      params,
      { lr: 0.01, lrDecay: 0, weightDecay: 0, initialAccumulatorValue: 0, eps: 1e-10, maximize: false },
      options,
    );
  }

  protected override initialState(p: Tensor, { initialAccumulatorValue }: AdagradOptions): State {
    return { sum: fullLike(p, initialAccumulatorValue) };
  }

  update(p: Tensor, gradient: Tensor, state: State, options: AdagradOptions, step: number): Tensor {
    const { lr, lrDecay, weightDecay, eps, maximize } = options;
    let g = maximize ? gradient.neg() : gradient;
    if (weightDecay !== 0) g = g.add(p.mul(weightDecay));

    state.sum = state.sum.add(g.square());
    return p.sub(g.div(state.sum.sqrt().add(eps)).mul(lr / (1 + (step - 1) * lrDecay)));
  }

  /** Where the gradient is zero nothing happens. */
  override idle(p: Tensor): Tensor {
    return p;
  }

  protected override stepSize(_p: Tensor, state: State, options: AdagradOptions, step: number): Tensor {
    const { lr, lrDecay, eps } = options;
    return state.sum
      .sqrt()
      .add(eps)
      .reciprocal()
      .mul(lr / (1 + (step - 1) * lrDecay));
  }

  protected override validate(options: AdagradOptions): void {
    const { lr, lrDecay, weightDecay, initialAccumulatorValue, eps } = options;
    for (const [name, value] of Object.entries({ lr, lrDecay, weightDecay, initialAccumulatorValue, eps }))
      atLeast("Adagrad", name, value, 0);
  }
}
